"""How a gift comes into the books, and who must agree."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from tests.world import FIRST, LAST, NOW, THRESHOLD, World, built, give
from voucher_service.db import Database
from voucher_service.errors import BadInput, Conflict, NotFound, SecondPersonNeeded
from voucher_service.ledger.balances import available, balances
from voucher_service.ledger.models import AccountKind, Book, Transfer
from voucher_service.partners import gifts
from voucher_service.partners.earmarks import earmarks_of
from voucher_service.partners.gifts import approve_allocation, create_agreement, create_partner
from voucher_service.partners.gifts import decline_allocation as decline
from voucher_service.partners.models import Allocation, AllocationState, EarmarkKind
from voucher_service.units import MAX_QUANTITY, Unit


def test_a_small_gift_is_open_and_funded_by_one_transfer(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=THRESHOLD)
        assert (gift.state, gift.needs_second_person) == (AllocationState.OPEN, 0)
        assert balances(session, gift.id) == {
            AccountKind.DONOR: -THRESHOLD,
            AccountKind.AVAILABLE: THRESHOLD,
        }
        assert session.scalars(select(Transfer.key)).all() == [f"receive:{gift.id}"]


def test_a_large_gift_waits_and_moves_nothing(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=THRESHOLD + 1)
        assert (gift.state, available(session, gift.id)) == (AllocationState.PENDING, 0)
        with pytest.raises(SecondPersonNeeded, match="autre personne"):
            approve_allocation(session, gift.id, "staff:claire", NOW)
        assert available(session, gift.id) == 0


def test_another_person_approves_once(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=THRESHOLD + 1).id
    for _ in range(2):
        with database.begin() as session:
            row = approve_allocation(session, gift, "staff:omar", NOW)
            assert (row.state, row.approved_by, row.approved_at) == ("open", "staff:omar", NOW)
            assert available(session, gift) == THRESHOLD + 1
    with database.begin() as session:
        with pytest.raises(Conflict, match="déjà été approuvée par staff:omar"):
            approve_allocation(session, gift, "staff:lena", NOW)
        with pytest.raises(Conflict, match="déjà été approuvée"):
            decline(session, gift, "staff:lena", NOW)
        with pytest.raises(NotFound):
            approve_allocation(session, 999, "staff:lena", NOW)


def test_the_database_itself_refuses_one_person_alone(database: Database, world: World) -> None:
    for planted in ({"approved_by": "staff:claire"}, {}):
        with database.begin() as session:
            gift = give(session, world, label=f"Don {len(planted)}", quantity=THRESHOLD + 1)
        with pytest.raises(IntegrityError):
            _open_alone(database, gift.id, planted.get("approved_by"))


def _open_alone(database: Database, allocation_id: int, approved_by: str | None) -> None:
    with database.begin() as session:
        row = session.get_one(Allocation, allocation_id)
        row.state = "open"
        row.approved_by = approved_by


def test_a_declined_gift_stays_declined(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=THRESHOLD + 1).id
        for _ in range(2):
            row = decline(session, gift, "staff:omar", NOW)
            assert (row.state, row.ended_by, row.ended_at) == ("declined", "staff:omar", NOW)
        with pytest.raises(Conflict, match="refusée par staff:omar") as raised:
            approve_allocation(session, gift, "staff:lena", NOW)
        assert raised.value.code == "allocation_not_pending"


def test_a_gift_that_is_over_cannot_be_approved(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=THRESHOLD + 1, valid_until=date(2030, 1, 10)).id
        with pytest.raises(Conflict, match="10/01/2030") as raised:
            approve_allocation(session, gift, "staff:omar", NOW + timedelta(days=1))
        assert raised.value.code == "allocation_over"


def test_splitting_does_not_avoid_the_second_person(database: Database, world: World) -> None:
    half = THRESHOLD // 2
    with database.begin() as session:
        other = create_agreement(
            session,
            partner_id=world.partner_id,
            reference="C-2030-bis",
            signed_on=FIRST,
            valid_from=FIRST,
            valid_until=LAST,
        )
        states = [give(session, world, label=f"Part {n}", quantity=half).state for n in range(3)]
        assert states == ["open", "open", "pending"]
        elsewhere = World(world.partner_id, other.id, world.branches)
        assert give(session, elsewhere, quantity=half).state == "pending"
        assert give(session, world, label="Autre", quantity=half, actor="staff:omar").state == "open"
        assert give(session, world, label="SMS", quantity=half, unit=Unit.SMS).state == "open"
        later = NOW + timedelta(hours=24)
        assert give(session, world, label="Demain", quantity=half, now=later).state == "open"


def test_a_declined_part_no_longer_counts(database: Database, world: World) -> None:
    with database.begin() as session:
        decline(session, give(session, world, label="Trop", quantity=THRESHOLD + 1).id, "staff:omar", NOW)
        assert give(session, world, quantity=THRESHOLD).state == "open"


def halves_at_once(database: Database, world: World) -> int:
    """Propose four halves from four threads at the same moment; return how many opened unseen."""
    start = threading.Barrier(4)
    states: list[str] = []

    def propose(number: int) -> None:
        start.wait()
        with database.begin() as session:
            states.append(give(session, world, label=f"Moitié {number}", quantity=THRESHOLD // 2).state)

    threads = [threading.Thread(target=propose, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(states) == 4
    return states.count("open")


def test_halves_proposed_at_once_see_each_other(database: Database, world: World) -> None:
    assert halves_at_once(database, world) == 2


@pytest.mark.postgresql
def test_the_race_is_real_without_its_guard(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bug planted: without holding the partner's row, halves at once pass alone in some round."""
    monkeypatch.setattr(gifts, "_one_at_a_time", lambda *_: None)
    database = Database(postgres_url)
    try:
        world = built(database)
        opened = []
        for round_ in range(20):
            with database.begin() as session:
                agreement = create_agreement(
                    session,
                    partner_id=create_partner(session, name=f"Opérateur {round_}", now=NOW).id,
                    reference="R",
                    signed_on=FIRST,
                    valid_from=FIRST,
                    valid_until=LAST,
                )
            opened.append(halves_at_once(database, World(world.partner_id, agreement.id, world.branches)))
            if max(opened) > 2:
                break
        assert max(opened) > 2
    finally:
        database.close()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"quantity": 0}, "quantity"),
    ({"quantity": -5}, "quantity"),
    ({"quantity": MAX_QUANTITY + 1}, "quantity"),
    ({"unit": "euro"}, "unit"),
    ({"label": "  \n "}, "label"),
    ({"label": "x" * 121}, "label"),
    ({"priority": 0}, "priority"),
    ({"valid_from": date(2030, 6, 2), "valid_until": date(2030, 6, 1)}, "valid_until"),
    ({"valid_from": date(2029, 12, 31)}, "valid_from"),
    ({"valid_until": date(2031, 1, 1)}, "valid_until"),
    ({"earmarks": [(EarmarkKind.BRANCH, "77")]}, "earmarks"),
    ({"earmarks": [(EarmarkKind.BRANCH, "Lyon")]}, "earmarks"),
    ({"earmarks": [(EarmarkKind.CITY, "Atlantis")]}, "earmarks"),
]


@pytest.mark.parametrize(("fault", "field"), WRONG)
def test_a_wrong_field_is_named_and_nothing_is_kept(
    sqlite_url: str, fault: dict[str, Any], field: str, built_sqlite: Callable[[str], tuple[Database, World]]
) -> None:
    database, world = built_sqlite(sqlite_url)
    with database.begin() as session:
        books = session.scalar(select(func.count(Book.id)))
        with pytest.raises(BadInput) as raised:
            give(session, world, **fault)
        assert raised.value.field == field
        assert session.scalar(select(func.count(Book.id))) == books
        assert session.scalar(select(func.count(Allocation.id))) == 0


def test_the_same_form_twice_is_one_gift(database: Database, world: World) -> None:
    with database.begin() as session:
        give(session, world, label="Don de Noël")
        with pytest.raises(Conflict) as raised:
            give(session, world, label=" Don  de Noël ")
        assert raised.value.code == "allocation_label_taken"


def test_earmarks_are_stored_as_branches_spell_them(database: Database, world: World) -> None:
    number = str(world.branches[1])
    wanted = [(EarmarkKind.CITY, " LYON "), (EarmarkKind.CITY, "lyon"), (EarmarkKind.BRANCH, number)]
    with database.begin() as session:
        gift = give(session, world, earmarks=wanted)
        kept = earmarks_of(session, gift.id)
    assert kept == [(EarmarkKind.BRANCH, number), (EarmarkKind.CITY, "Lyon")]


def test_partners_and_agreements_are_told_apart(database: Database, world: World) -> None:
    with database.begin() as session:
        with pytest.raises(Conflict, match="existe déjà"):
            create_partner(session, name="Télécom  Solidaire", now=NOW)
        terms = {"reference": "C-2030", "signed_on": FIRST, "valid_from": FIRST, "valid_until": LAST}
        with pytest.raises(Conflict, match="C-2030"):
            create_agreement(session, partner_id=world.partner_id, **terms)  # type: ignore[arg-type]
        crossed = {**terms, "reference": "D", "valid_from": LAST, "valid_until": FIRST}
        with pytest.raises(BadInput) as raised:
            create_agreement(session, partner_id=world.partner_id, **crossed)  # type: ignore[arg-type]
        assert raised.value.field == "valid_until"
        with pytest.raises(NotFound):
            create_agreement(session, partner_id=world.agreement_id, **terms)  # type: ignore[arg-type]
