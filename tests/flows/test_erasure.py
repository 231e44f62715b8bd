"""Erasing a person takes their notes and numbers along, and leaves the books as they were."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.programme import Programme
from voucher_service.errors import Conflict
from voucher_service.fulfilment.models import Order
from voucher_service.ledger.balances import balances
from voucher_service.people import identity
from voucher_service.visits.erasure import erase_person
from voucher_service.visits.models import Visit


def test_notes_and_numbers_go_and_the_books_stay(programme: Programme) -> None:
    run = programme.database.run
    person = run(
        identity.register, programme.vault, name="Aminata", phone="06 39 98 00 01", birth_year=1980,
        language="fr", branch_id=1, now=programme.now,
    )  # fmt: skip
    voucher = programme.issue(person_id=person.id)
    recorded = programme.scan(programme.digits(voucher), note="cherche un logement", paid_cents=200)
    with pytest.raises(Conflict, match="en cours"):
        run(erase_person, person.id, now=programme.now)
    assert programme.deliver() == 1
    with programme.database.read() as session:
        before = balances(session, programme.allocation_id)
    for _ in range(2):
        run(erase_person, person.id, now=programme.now)
    with programme.database.read() as session:
        visit, order = session.get_one(Visit, recorded.visit_id), session.scalars(select(Order)).one()
        assert (visit.wrapped_key, visit.note_sealed) == (None, None)
        assert (order.wrapped_key, order.number_sealed, order.number_lookup, order.number_tail) == (None,) * 4
        assert visit.paid_cents == 200
        assert balances(session, programme.allocation_id) == before
    assert programme.findings() == []
