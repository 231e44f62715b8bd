"""The page of months: proposed by a coordinator, agreed to by the partner, downloaded the same each time."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.desk import Desk
from tests.house import services_of, token
from voucher_service.ids import new_id
from voucher_service.staff.models import Role


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A programme with its doors, on both databases."""
    made = Desk.make(database_url, tmp_path)
    yield made
    made.close()


def test_a_month_is_closed_by_both_sides(desk: Desk) -> None:
    programme, page = desk.programme, f"/partner/{desk.programme.partner_id}/closing/"
    us, them = desk.client(Role.COORDINATOR).http, desk.client(Role.PARTNER).http
    programme.scan(programme.digits(programme.issue()))
    assert "Aucun mois clos" in them.get(page).text
    for month, status in (("2026-03", 409), ("2026-13", 422), ("0000-01", 422), ("", 422)):
        answer = us.post(page, data={"csrf_token": token(us.get(page)), "month": month})
        assert answer.status_code == status, month
    programme.now = datetime(2026, 4, 2, 9, 0, tzinfo=UTC)
    us, them = desk.client(Role.COORDINATOR).http, desk.client(Role.PARTNER).http
    services_of(desk.app).seal(programme.now, sweep=True)
    assert us.post(page, data={"csrf_token": token(us.get(page)), "month": "2026-03"}).status_code == 303
    shown = them.get(page)
    close_id = next(part for part in shown.text.split("/closing/")[1:] if "/agree" in part[:60])[:36]
    names = ("etat.csv", "etat.pdf", "manifest.json", "manifest.sig")
    before = {name: them.get(f"{page}{close_id}/{name}").data for name in names}
    assert them.post(f"{page}{close_id}/agree", data={"csrf_token": token(shown)}).status_code == 303
    assert "Clos" in them.get(page).text
    assert {name: us.get(f"{page}{close_id}/{name}").data for name in names} == before
    told = json.loads(before["manifest.json"])["files"]
    assert {name: hashlib.sha256(before[name]).hexdigest() for name in told} == told
    key = them.get(page).text.partition('<code class="break">')[2].partition("<")[0]
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
    public.verify(base64.b64decode(before["manifest.sig"]), before["manifest.json"])
    again = us.post(page, data={"csrf_token": token(us.get(page)), "month": "2026-03"})
    assert again.status_code == 409
    assert them.get(f"{page}{close_id}/other.txt").status_code == 404
    assert them.get(f"{page}{new_id()}/etat.csv").status_code == 404
    assert them.get(f"/partner/{new_id()}/closing/").status_code == 404
