"""*Mon service*: what was accepted without a network and not simply confirmed, with the reason and what to do now."""

from __future__ import annotations

import re
from uuid import UUID

from tests.desk import Desk
from tests.offline.device import Device, issue_at
from tests.offline.reading import rows
from voucher_service.staff.models import Role
from voucher_service.visits.offline import closing
from voucher_service.visits.offline.rules import CONFLICTS, Reason, Status
from voucher_service.web.counter.offline_words import entry_words

BLAME = re.compile(r"échec|échou|erreur|invalide|\brefus", re.IGNORECASE)


def test_each_reason_has_words_of_its_own_and_none_calls_an_acceptance_failed(desk: Desk) -> None:
    said = {}
    with desk.app.test_request_context():
        for reason in Reason:
            status = Status.CONFLICT if reason in CONFLICTS else Status.REFUSED
            words = entry_words(status.value, reason.value, {})
            assert words["word"] == "À régler par la coordination"
            assert "coordination" in words["next_step"]
            assert not BLAME.search(" ".join(words.values())), words
            said[reason] = words["sentence"]
        assert entry_words("refused", "of tomorrow", {})["sentence"] not in said.values()
    assert len(set(said.values())) == len(Reason)
    assert BLAME.search("Ce passage a été refusé."), "such words would be found"


def test_it_stands_on_ones_own_page_until_it_is_settled_and_on_nobody_elses(desk: Desk) -> None:
    device, used = Device.enrolled(desk), issue_at(desk)
    own, other = desk.client(Role.COUNTER), desk.client(Role.VOLUNTEER)
    before = own.http.get("/counter/shift").text
    assert ('id="unsettled"' in before, "Accepté, à régler" in before) == (False, False)
    programme = desk.programme
    programme.scan(programme.digits(used), branch_id=2, till_book_id=programme.branches[1].till_book_id)
    device.accept(used)
    device.accept(issue_at(desk, 2))
    device.accept(issue_at(desk))
    device.upload()
    page = own.http.get("/counter/shift").text
    assert page.count("Bon accepté le") == 2, "not the confirmed one"
    assert "Ce bon a aussi été utilisé le 4 mars 2026 à 12\xa0h\xa000 à Antenne Sud." in page
    assert "Ce bon est d’une autre antenne." in page
    assert "votre acceptation est gardée" in page
    # The same scan in the list below is recorded as a refusal; it is not told as one.
    assert ("Accepté, à régler par la coordination" in page, "Déjà utilisé" in page) == (True, False)
    (vain,) = (row for row in rows(desk) if row.reason == "used")
    screen = own.http.get(f"/counter/scans/{vain.scan_id}")
    assert (screen.status_code, screen.location) == (302, "/counter/shift")
    assert "Bon accepté le" not in other.http.get("/counter/shift").text
    for row in rows(desk):
        if row.status != "confirmed":
            programme.database.run(closing.close, row.id, note="vu avec elle", actor="staff:a", now=programme.now)
    page = own.http.get("/counter/shift").text
    assert page.count("Réglé par la coordination le 4 mars 2026 à 12\xa0h\xa000.") == 2
    assert "votre acceptation est gardée" not in page
    assert ("Accepté, réglé par la coordination" in page, "Déjà utilisé" in page) == (True, False)


def test_a_redemption_whose_scan_a_copy_names_again_stays_accepted(desk: Desk) -> None:
    device, client = Device.enrolled(desk), desk.client(Role.COUNTER)
    clone = device.copy()
    sent = device.accept(issue_at(desk))
    device.upload()
    clone.accept(issue_at(desk), scan_id=UUID(sent["scan_id"]))
    clone.upload()
    assert [row.status for row in rows(desk)] == ["confirmed", "refused"]
    page = client.http.get("/counter/shift").text
    assert ("Accepté<" in page, "Accepté, à régler" in page) == (True, False)
    assert client.http.get(f"/counter/scans/{sent['scan_id']}").status_code == 200
