"""A replacement is one voucher in the place of another: never a second gift, never another's voucher."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from tests.programme import Programme
from voucher_service.errors import Conflict, KeyReused
from voucher_service.ids import new_id
from voucher_service.vouchers import life
from voucher_service.vouchers.models import Voucher


def reissue(programme: Programme, voucher: Voucher, fresh: UUID | None = None) -> Voucher:
    """Replace the voucher by a new one under the id `fresh`."""
    run = programme.database.run
    return run(
        life.reissue,
        programme.ring,
        voucher.id,
        fresh or new_id(),
        actor="staff:test",
        reason="abîmé",
        now=programme.now,
    )


def test_an_expired_voucher_is_not_replaced_above_the_cap(programme: Programme) -> None:
    with programme.database.begin() as session:
        session.execute(text("UPDATE campaign_policy SET cap_cents = 1000, cap_days = 366"))
    person = programme.person()
    first, second = (programme.issue(person_id=person) for _ in range(2))
    programme.later(days=91)
    assert programme.database.run(life.expire_due, now=programme.now) == 2
    programme.issue(person_id=person)
    assert reissue(programme, first).state == "issued"
    with pytest.raises(Conflict) as refusal:
        reissue(programme, second)
    assert refusal.value.code == "cap_reached"
    assert programme.findings() == []


def test_a_live_voucher_is_replaced_at_the_cap(programme: Programme) -> None:
    with programme.database.begin() as session:
        session.execute(text("UPDATE campaign_policy SET cap_cents = 500"))
    assert reissue(programme, programme.issue(person_id=programme.person())).state == "issued"


def test_the_new_id_of_another_voucher_changes_nothing(programme: Programme) -> None:
    old, other = programme.issue(), programme.issue()
    for taken in (other.id, old.id):
        with pytest.raises(KeyReused):
            reissue(programme, old, fresh=taken)
    with programme.database.read() as session:
        assert session.get_one(Voucher, old.id).state == "issued"
    assert programme.findings() == []
