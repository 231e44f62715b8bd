"""The work list of the paper log: both facts, what was written opened for a purpose, closed once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.doors.admin.conftest import Desk, Programme, faults
from tests.doors.admin.offline_story import Story
from tests.house import services_of
from voucher_service.ids import new_id, utc_now
from voucher_service.visits.paper import keying, packs
from voucher_service.visits.paper.models import PaperLine
from voucher_service.visits.redeem import ScanRequest, redeem
from voucher_service.vouchers.issue import Wanted, issue_one

HANDED = "une carte SIM"


@pytest.fixture
def conflict(story: Story) -> UUID:
    """A voucher used online, then keyed in from paper."""
    services, now, programme = services_of(story.app), utc_now(), story.programme
    database = services.database
    wanted = Wanted(campaign_id=programme.campaign_id, offer_id=programme.offer_id, actor="staff:test")
    voucher = database.run(issue_one, services.ring, new_id(), wanted, now=now - timedelta(hours=1))
    with database.read() as session:
        typed = services.ring.printed(session, voucher).typed
    pack = database.run(
        packs.make_pack, pack_id=new_id(), branch_id=programme.branch_id, pages=1, actor="staff:test",
        now=now - timedelta(hours=1),
    )  # fmt: skip
    online = ScanRequest(
        scan_id=new_id(), code=typed, branch_id=programme.branch_id, till_book_id=1, staff_id=story.staff_id,
        scanned_at=now, number="+33639981234",
    )  # fmt: skip
    database.run(redeem, services.vault, services.ring, online, now=now)
    written = keying.Written(
        number_of_pack=pack.number, page=1, line=3, handed_at=now - timedelta(minutes=5), code=typed, initials="AB",
        number="+33639985678", handed=HANDED,
    )  # fmt: skip
    done = database.run(keying.key_line, services.vault, services.ring, written, staff_id=story.staff_id, now=now)
    assert done.row.status == "conflict"
    return done.row.id


def test_a_line_in_conflict_is_counted_shown_opened_and_settled_once(
    awa: Desk, hugo: Desk, conflict: UUID, story: Story
) -> None:
    assert '/admin/offline/paper/"><span class="number">1<' in awa.get("/admin/").text
    listed = awa.get("/admin/offline/paper/").text
    assert ("1-1-3" in listed, "Bon déjà utilisé" in listed) == (True, True)
    path = f"/admin/offline/paper/{conflict}"
    page = awa.get(path)
    for text in ("Ce que dit le papier", "Ce que disent nos livres", "Utilisé le", "AB"):
        assert text in page.text, text
    assert (faults(page), HANDED in page.text) == ([], False)
    assert "Régler ce passage" not in hugo.get(path).text
    assert hugo.send(f"{path}/content", purpose="call_back").status_code == 403
    asked = awa.send(f"{path}/content")
    assert (asked.status_code, [field for field, _ in faults(asked)]) == (422, ["purpose"])
    opened = awa.send(f"{path}/content", purpose="call_back").text
    assert (HANDED in opened, "06\u202f39\u202f98\u202f56\u202f78" in opened) == (True, True)
    assert awa.send(f"{path}/settle", note="x").status_code == 422
    awa.send(f"{path}/settle", note="nouveau bon émis")
    awa.send(f"{path}/settle", note="une autre fois")
    with services_of(story.app).database.read() as session:
        row = session.scalars(select(PaperLine)).one()
    assert (row.closing_note, row.content_sealed) == ("nouveau bon émis", None)
    assert "1-1-3" not in awa.get("/admin/offline/paper/").text
    assert "1-1-3" in awa.get("/admin/offline/paper/?which=settled").text
    assert "nouveau bon émis" in awa.get(path).text


def test_a_confirmed_or_unknown_line_is_not_there(awa: Desk, programme: Programme) -> None:
    assert awa.get(f"/admin/offline/paper/{new_id()}").status_code == 404
    assert "Rien ici" in awa.get("/admin/offline/paper/").text
