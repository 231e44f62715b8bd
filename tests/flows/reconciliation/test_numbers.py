"""What is kept of a telephone number that a statement names, where, and how it is forgotten."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import DAY, NOON, VAULT, Wanted, World, add_orders, make_world
from voucher_service.crypto import SealBroken
from voucher_service.db import Database
from voucher_service.fulfilment.models import Order
from voucher_service.fulfilment.stated_numbers import StatedNumber
from voucher_service.ids import new_id
from voucher_service.people import identity
from voucher_service.reconciliation import queries
from voucher_service.reconciliation.export import export_csv
from voucher_service.reconciliation.intake.files import file_of
from voucher_service.reconciliation.models import Statement
from voucher_service.reconciliation.numbers import KEPT, forget_numbers
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement
from voucher_service.visits.erasure import erase_person
from voucher_service.vouchers.models import Voucher

HEAD = "our ref;msisdn;montant eur;status;date\n"
RAW = ("06 39 98 00 42", "+33639980043", "0033639980044", "06****45", "inconnu")
DIGITS = ("39980042", "39980043", "39980044")


def content(*numbers: str) -> bytes:
    return (HEAD + "".join(f"x{n};{said};10;OK;10/03/2026 12:00\n" for n, said in enumerate(numbers))).encode()


def keep(session: Session, world: World, *numbers: str, **options: object) -> Statement:
    return import_statement(
        session, vault=VAULT, partner_id=world.partner_id, file_name="mars.csv", content=content(*numbers),
        actor="lea", now=NOON, period=(DAY, DAY), **options,  # type: ignore[arg-type]  # the names are its own
    )  # fmt: skip


def stated(session: Session) -> list[tuple[int, bytes | None, str]]:
    found = select(StatedNumber.line_id, StatedNumber.lookup, StatedNumber.tail).order_by(StatedNumber.line_id)
    return [(line_id & (2**32 - 1), lookup, tail) for line_id, lookup, tail in session.execute(found)]


def all_of(database: Database) -> bytes:
    """Everything the database holds: SQLite's files as they lie there, PostgreSQL's tables as text and as bytes."""
    if database.is_sqlite:
        path = Path(str(database.engine.url.database))
        return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    with database.begin() as session:
        names = session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")).all()
        rows = [session.scalars(text(f'SELECT t::text FROM "{name}" t')).all() for name in names]  # noqa: S608
        files = session.scalars(select(Statement.content)).all()
    return "\n".join(row for table in rows for row in table).encode() + b"".join(files)


def test_a_line_keeps_hash_and_end_and_the_number_stands_nowhere(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        statement = keep(session, world, *RAW)
        run(session, statement.id, NOON)
        whole = [VAULT.lookup("phone", f"+336{digits}") for digits in DIGITS]
        assert stated(session) == [
            (2, whole[0], "42"), (3, whole[1], "43"), (4, whole[2], "44"), (5, None, "45")
        ]  # fmt: skip
        assert file_of(VAULT, statement) == content(*RAW)
    blob = all_of(database).replace(b" ", b"")
    assert [digits for digits in DIGITS if digits.encode() in blob or digits.encode().hex().encode() in blob] == []
    with database.begin() as session:  # the planted fault: a file kept in clear is found by the same look
        statement = keep(session, world, "0639980046")
        clear = Statement(
            id=new_id(), partner_id=make_world(session, "B").partner_id, content=content("0639980046"), file_name="x",
            file_sha256=statement.file_sha256, first_day=DAY, last_day=DAY, line_count=1, uploaded_by="a",
            uploaded_at=NOON,
        )  # fmt: skip
        session.add(clear)
        session.flush()
        assert file_of(VAULT, clear) == content("0639980046")  # as versions before kept it
    assert b"39980046" in all_of(database)


def test_a_kept_file_that_was_moved_or_altered_does_not_open(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        one, other = keep(session, world, RAW[0]), keep(session, world, RAW[1])
        session.expunge_all()
        one.content, held = other.content, one.content
        with pytest.raises(SealBroken):
            file_of(VAULT, one)
        one.content = held[:-1] + bytes([held[-1] ^ 1])
        with pytest.raises(SealBroken):
            file_of(VAULT, one)


def test_a_file_without_numbers_writes_none_and_the_same_again_changes_nothing(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        assert keep(session, world, "", "–").line_count == 2
        assert stated(session) == []
        first = keep(session, world, RAW[0])
        assert keep(session, world, RAW[0]).id == first.id
        assert len(stated(session)) == 1
    with pytest.raises(IntegrityError), database.begin() as session:
        session.add(StatedNumber(line_id=1, lookup=None, tail="4"))


def test_erasing_a_person_takes_the_lines_that_name_their_telephones_along(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        person = identity.register(
            session, VAULT, name="Aminata", phone=RAW[0], birth_year=1980, language="fr", branch_id=world.branch_id,
            now=NOON,
        )  # fmt: skip
        (order,) = add_orders(session, world, [Wanted()])
        voucher = session.get_one(Order, order).voucher_id
        session.execute(update(Voucher).where(Voucher.id == voucher).values(person_id=person.id))
        of_order = VAULT.lookup("phone", "+33639980043")  # another telephone than the one in her file
        session.execute(update(Order).where(Order.id == order).values(number_lookup=of_order, number_tail="43"))
        keep(session, world, *RAW)
        erase_person(session, person.id, now=NOON)
        assert [tail for _, _, tail in stated(session)] == ["44", "45"]
        erase_person(session, person.id, now=NOON)
        assert len(stated(session)) == 2


def test_what_can_no_longer_help_is_forgotten(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        old = keep(session, world, RAW[0], number=1)
        keep(session, world, RAW[1], number=1, replaces=old.id)
        forget_numbers(session, NOON)
        assert [tail for _, _, tail in stated(session)] == ["43"]
        forget_numbers(session, NOON + KEPT)
        assert len(stated(session)) == 1
        forget_numbers(session, NOON + KEPT + timedelta(seconds=1))
        assert stated(session) == []
        assert session.scalar(select(func.count()).select_from(Statement)) == 2


def test_a_cost_stands_beside_its_line_once_and_is_exported(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        head = HEAD.replace("msisdn", "coût")
        statement = import_statement(
            session, vault=VAULT, partner_id=world.partner_id, file_name="x.csv", actor="lea", now=NOON,
            content=f"{head}x;9,50;10;OK;10/03/2026\ny;;10;OK;10/03/2026\n".encode(),
        )  # fmt: skip
        run(session, statement.id, NOON)
        found = list(queries.all_differences(session, statement))
        assert {one.theirs.line: one.theirs.cost for one in found if one.theirs} == {2: 950, 3: None}
        assert [line.rstrip().rpartition(";")[2] for line in "".join(export_csv(found)).split("\r\n")[:3]] == [
            "cout_operateur",
            "950",
            "",
        ]
    for change in ("UPDATE stated_cost SET cost = 1", "DELETE FROM stated_cost"):
        with pytest.raises(IntegrityError, match="written once"), database.begin() as session:
            session.execute(text(change))
