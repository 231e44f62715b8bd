"""How a gift ends: returned, written off, closed."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from tests.world import NOW, THRESHOLD, World, give
from voucher_service.db import Database
from voucher_service.errors import BadInput, Conflict, KeyReused, NotFound
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind, Reason, Transfer
from voucher_service.ledger.post import Entry, post
from voucher_service.partners.endings import close, return_to_donor, write_off
from voucher_service.partners.models import GiftNote
from voucher_service.units import Unit

BY = "staff:omar"


def promise(database: Database, allocation: int, quantity: int) -> None:
    """Reserve `quantity` as an issued voucher does."""
    entry = Entry(
        key=f"issue:{allocation}:{quantity}",
        book_id=allocation,
        source=AccountKind.AVAILABLE,
        destination=AccountKind.RESERVED,
        unit=Unit.EUR_CENT,
        quantity=quantity,
        reason=Reason.ISSUED,
        object_kind="voucher",
        object_id="v",
    )
    with database.begin() as session:
        post(session, [entry], actor=BY, occurred_at=NOW, now=NOW)


def test_every_unit_ends_somewhere_and_the_reason_is_kept(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=1_000).id
    with database.begin() as session:
        return_to_donor(session, gift, 900, actor=BY, reason="Fin de la convention", key="a", now=NOW)
        lost = write_off(session, gift, 100, actor=BY, reason="Lot périmé", key="a", now=NOW)
        assert balances(session, gift) == {
            AccountKind.DONOR: -1_000,
            AccountKind.AVAILABLE: 0,
            AccountKind.RETURNED_TO_DONOR: 900,
            AccountKind.WRITTEN_OFF: 100,
        }
        assert session.get_one(GiftNote, lost).reason == "Lot périmé"
        for _ in range(2):
            assert close(session, gift, BY, NOW).state == "closed"


def test_the_same_call_again_moves_nothing_more(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=1_000).id
        first = return_to_donor(session, gift, 1_000, actor=BY, reason="Fin du don", key="k", now=NOW)
        close(session, gift, BY, NOW)
    with database.begin() as session:
        again = return_to_donor(session, gift, 1_000, actor=BY, reason="Fin du don", key="k", now=NOW)
        assert again == first
        with pytest.raises(KeyReused):
            return_to_donor(session, gift, 999, actor=BY, reason="Fin du don", key="k", now=NOW)
        with pytest.raises(Conflict, match="pas ouverte"):
            return_to_donor(session, gift, 1, actor=BY, reason="Fin du don", key="other", now=NOW)


def test_no_more_than_is_available_leaves(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=1_000).id
    promise(database, gift, 400)
    with pytest.raises(Conflict) as raised, database.begin() as session:
        write_off(session, gift, 601, actor=BY, reason="Perdu", key="k", now=NOW)
    assert raised.value.code == "allocation_exhausted"
    with database.begin() as session:
        assert session.scalars(select(GiftNote)).all() == []
        assert AccountKind.WRITTEN_OFF not in balances(session, gift)


def test_closing_says_what_is_left(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=1_000).id
    promise(database, gift, 400)
    with database.begin() as session:
        with pytest.raises(Conflict, match="6\xa0€ disponibles, 4\xa0€ promis") as raised:
            close(session, gift, BY, NOW)
        assert raised.value.code == "allocation_not_empty"


def test_what_waits_can_neither_leave_nor_close(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world, quantity=THRESHOLD + 1).id
        for ending in (return_to_donor, write_off):
            with pytest.raises(Conflict) as raised:
                ending(session, gift, 1, actor=BY, reason="Erreur", key="k", now=NOW)
            assert raised.value.code == "allocation_not_open"
        with pytest.raises(Conflict):
            close(session, gift, BY, NOW)


@pytest.mark.parametrize(
    ("quantity", "reason", "field"),
    [(0, "Erreur", "quantity"), (-1, "Erreur", "quantity"), (1, "  x ", "reason"), (1, "x" * 201, "reason")],
)
def test_a_wrong_field_is_named(database: Database, world: World, quantity: int, reason: str, field: str) -> None:
    with database.begin() as session:
        gift = give(session, world).id
        with pytest.raises(BadInput) as raised:
            write_off(session, gift, quantity, actor=BY, reason=reason, key="k", now=NOW)
        assert raised.value.field == field
        with pytest.raises(NotFound):
            write_off(session, gift + 1, 1, actor=BY, reason="Erreur", key="k", now=NOW)


def test_a_note_is_written_once(database: Database, world: World) -> None:
    with database.begin() as session:
        gift = give(session, world).id
        write_off(session, gift, 1, actor=BY, reason="Erreur", key="k", now=NOW)
        assert session.scalar(select(Transfer.reason).where(Transfer.key == "write-off:k")) == "written_off"
    with pytest.raises(IntegrityError), database.begin() as session:
        session.execute(delete(GiftNote))
