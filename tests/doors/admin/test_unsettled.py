"""The work list of what devices accepted in vain: both facts, a sealed part opened for a purpose, closed once."""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.doors.admin.offline_story import NOTE, NUMBER, Story
from tests.house import services_of
from voucher_service.ids import new_id, utc_now
from voucher_service.people import identity
from voucher_service.visits.offline.models import OfflineEntry
from voucher_service.visits.offline.rules import Reason
from voucher_service.vouchers import life
from voucher_service.web import paging
from voucher_service.web.log import make_logger


def _opened(written: io.StringIO) -> list[dict[str, Any]]:
    """The lines of the log that say that something sealed was opened."""
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "offline_content_opened"]


def _entry(story: Story) -> OfflineEntry:
    with services_of(story.app).database.read() as session:
        return session.scalars(select(OfflineEntry).where(OfflineEntry.status != "confirmed")).one()


@pytest.fixture
def conflict(story: Story) -> OfflineEntry:
    """One voucher used online and accepted without a network."""
    story.accept_used()
    story.upload()
    return _entry(story)


def test_an_empty_list_teaches_and_today_says_nothing(awa: Desk, programme: Programme) -> None:
    assert "Rien n’attend" in awa.get("/admin/offline/").text
    assert "/admin/offline/" not in _todo(awa)


def _todo(desk: Desk) -> str:
    found = re.search(r'id="todo".*?</section>', desk.get("/admin/").text, re.DOTALL)
    assert found
    return found[0]


def test_a_conflict_is_counted_on_the_first_page_and_shows_both_facts(
    awa: Desk, hugo: Desk, conflict: OfflineEntry
) -> None:
    assert re.search(r'href="/admin/offline/"><span class="number">1<', _todo(awa))
    listed = awa.get("/admin/offline/").text
    assert "Bon déjà utilisé" in listed
    page = awa.get(f"/admin/offline/{conflict.id}").text
    assert "Ce que dit l’appareil" in page
    assert "Tablette d’essai" in page
    assert "Ce que disent nos livres" in page
    assert "Utilisé le" in page
    assert f"/admin/vouchers/{conflict.voucher_id}" in page
    assert NUMBER not in page
    assert NOTE not in page
    read_only = hugo.get(f"/admin/offline/{conflict.id}").text
    assert "Régler ce passage" not in read_only
    assert "Pourquoi voulez-vous les lire" not in read_only


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_words(reason: Reason, app: Flask) -> None:
    from admin.counter import unsettled_words as words  # noqa: PLC0415  # beside the application's context

    with app.test_request_context():
        said = [words.why(reason.value), words.explained(reason.value), words.remedy(reason.value)]
    assert all(len(one) > 8 and reason.value not in one for one in said), said


def test_the_sealed_part_opens_for_a_purpose_that_is_logged(
    awa: Desk, hugo: Desk, conflict: OfflineEntry, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, written = f"/admin/offline/{conflict.id}/content", io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    story.app.extensions["log"] = make_logger("INFO")  # takes hold of the standard error of the moment
    asked = awa.send(path)
    assert (asked.status_code, [field for field, _ in faults(asked)]) == (422, ["purpose"])
    assert NUMBER not in asked.text
    assert hugo.send(path, purpose="call_back").status_code == 403
    assert _opened(written) == []
    opened = awa.send(path, purpose="call_back")
    assert NUMBER in opened.text
    assert NOTE in opened.text
    (line,) = _opened(written)
    assert (line["entry"], line["purpose"]) == (str(conflict.id), "call_back")
    assert line["actor"].startswith("staff:")
    assert NUMBER not in json.dumps(line)
    with services_of(story.app).database.read() as session:
        sent = story.tablet.queue[0].entry
        assert str(sent.serial) not in re.sub(r"<[^>]*>", "", opened.text).replace("1-" + str(sent.serial), "")
        assert session.get_one(OfflineEntry, conflict.id).content_sealed is not None


def test_it_is_settled_once_with_a_word_and_what_was_sealed_is_gone(
    awa: Desk, marc: Desk, conflict: OfflineEntry, story: Story
) -> None:
    path = f"/admin/offline/{conflict.id}"
    short = awa.send(f"{path}/settle", note="ok")
    assert (short.status_code, [field for field, _ in faults(short)]) == (422, ["note"])
    assert "Rien n’attend" in awa.follow(f"{path}/settle", note="nouveau bon émis").text
    again = marc.follow(f"{path}/settle", note="autre chose")
    assert "déjà réglé" in again.text
    assert "nouveau bon émis" in again.text
    assert "autre chose" not in again.text
    assert "Régler ce passage" not in again.text
    assert "Bon déjà utilisé" in awa.get("/admin/offline/?which=settled").text
    opened = awa.send(f"{path}/content", purpose="compare").text
    assert "Il ne reste rien à lire" in opened
    assert NUMBER not in opened
    assert "/admin/offline/" not in _todo(awa)


def test_what_was_confirmed_is_not_in_the_list(awa: Desk, story: Story) -> None:
    story.accept_new()
    story.upload()
    with services_of(story.app).database.read() as session:
        confirmed = session.scalars(select(OfflineEntry.id)).one()
    assert "Rien n’attend" in awa.get("/admin/offline/").text
    for path in (f"/admin/offline/{confirmed}", f"/admin/offline/{new_id()}"):
        assert awa.get(path).status_code == 404
    assert awa.send(f"/admin/offline/{confirmed}/content", purpose="compare").status_code == 404


def test_what_a_confirmed_visit_had_no_question_for_is_found_and_read(awa: Desk, story: Story) -> None:
    voucher = story.issue()
    assert "Rien à part" in awa.get("/admin/offline/?which=kept").text
    at = story.start + timedelta(seconds=10)
    story.tablet.accept(voucher, story.code(voucher), number=NUMBER, at=at, answers={"ancienne": "oui, hier"})
    story.upload()
    assert "Rien n’attend" in awa.get("/admin/offline/").text
    assert "Réponses gardées à part" in awa.get("/admin/offline/?which=kept").text
    with services_of(story.app).database.read() as session:
        path = f"/admin/offline/{session.scalars(select(OfflineEntry.id)).one()}"
    page = awa.get(path).text
    assert ("Confirmé" in page, "Régler ce passage" in page, "oui, hier" in page) == (True, False, False)
    opened = awa.send(f"{path}/content", purpose="compare").text
    assert ("ancienne" in opened, "oui, hier" in opened) == (True, True)
    assert awa.send(f"{path}/settle", note="rien à faire").status_code == 404


def test_the_list_goes_page_by_page_and_by_device(awa: Desk, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging.page_of, "__kwdefaults__", {"size": 2})
    for _ in range(3):
        story.accept_used()
    story.upload()
    rows, path = [], f"/admin/offline/?device_id={story.tablet.id}"
    for _ in range(2):
        page = awa.get(path).text
        rows.append(re.findall(r'<th scope="row"><a href="/admin/offline/([0-9a-f-]{36})"', page))
        onward = re.search(r'rel="next" href="([^"]+)"', page)
        path = onward[1].replace("&amp;", "&") if onward else ""
    assert [len(page) for page in rows] == [2, 1]
    assert len({*rows[0], *rows[1]}) == 3
    assert "device_id" not in awa.get("/admin/offline/").text
    assert "Rien n’attend" in awa.get(f"/admin/offline/?device_id={new_id()}").text


def test_erasing_the_person_closes_what_a_device_had_sealed(awa: Desk, story: Story) -> None:
    services = services_of(story.app)
    person = services.database.run(
        identity.register, services.vault, name="Aminata", phone=NUMBER, birth_year=1980, language="fr",
        branch_id=story.programme.branch_id, now=utc_now(),
    )  # fmt: skip
    theirs = story.issue(person.id)
    story.accept_new()
    services.database.run(life.cancel, theirs.id, actor="staff:test", reason="perdu", now=utc_now())
    story.accept(theirs)
    story.upload()
    entry = _entry(story)
    assert entry.content_sealed is not None
    awa.follow(f"/admin/people/{person.id}/erase", reference=person.reference)
    opened = awa.send(f"/admin/offline/{entry.id}/content", purpose="compare").text
    assert NUMBER not in opened
    assert "Il ne reste rien à lire" in opened
    with services.database.read() as session:
        kept = session.get_one(OfflineEntry, entry.id)
        assert (kept.wrapped_key, kept.content_sealed, kept.status) == (None, None, "conflict")
