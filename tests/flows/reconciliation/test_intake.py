"""Statements by number: gaps seen, a number once, a corrected statement in the place of the first; profiles kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import DAY, NOON, VAULT, Wanted, World, add_orders, make_world
from tests.migrations.test_statement_lines import close_month
from voucher_service.db import Database
from voucher_service.errors import BadFile, BadInput, Conflict
from voucher_service.ids import new_id
from voucher_service.reconciliation import queries
from voucher_service.reconciliation.closing.month import Month
from voucher_service.reconciliation.closing.statement import _files
from voucher_service.reconciliation.intake import profiles, sequence
from voucher_service.reconciliation.intake.files import file_of
from voucher_service.reconciliation.intake.models import ReaderProfile, StatementReading
from voucher_service.reconciliation.models import Break, BreakClass, LineClaim, Statement
from voucher_service.reconciliation.reader.propose import propose
from voucher_service.reconciliation.reader.sources.text import open_text
from voucher_service.reconciliation.reader.words import Field, LineStatus
from voucher_service.reconciliation.run import run
from voucher_service.reconciliation.statements import import_statement

HEAD = "our ref;montant eur;status;date\n"
LATER = NOON + timedelta(days=1)


def line(reference: object, euros: str = "10", status: str = "OK") -> str:
    return f"{reference};{euros};{status};10/03/2026 12:00\n"


def keep(
    session: Session, world: World, *lines: str, number: int | None = None, replaces: UUID | None = None
) -> Statement:
    return import_statement(
        session, vault=VAULT,
        partner_id=world.partner_id, file_name="mars.csv", content=(HEAD + "".join(lines)).encode(),
        actor="lea", now=NOON, number=number, replaces=replaces,
    )  # fmt: skip


def open_breaks(session: Session) -> list[str]:
    return list(session.scalars(select(Break.kind).where(Break.resolved_at.is_(None)).order_by(Break.kind)))


def test_a_gap_in_the_numbers_is_seen_and_a_number_stands_once(database: Database) -> None:
    with database.begin() as session:
        world, other = make_world(session), make_world(session, "Opérateur B")
        keep(session, world, line("a"), number=11)
        keep(session, world, line("b"))  # without a number, in no gap
        assert sequence.missing_numbers(session, world.partner_id) == []
        keep(session, world, line("c"), number=14)
        assert sequence.missing_numbers(session, world.partner_id) == [12, 13]
        keep(session, other, line("d"), number=14)
        assert sequence.missing_numbers(session, other.partner_id) == []
        with pytest.raises(Conflict) as caught:
            keep(session, world, line("e"), number=14)
        assert caught.value.code == "statement_number_taken"
    with database.begin() as session:
        keep(session, world, line("f"), number=12)
        assert sequence.missing_numbers(session, world.partner_id) == [13]
        keep(session, world, line("g"), number=10**6)
        assert len(sequence.missing_numbers(session, world.partner_id)) == 50


def test_the_database_itself_refuses_a_number_twice_and_a_second_replacement(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        first, second, third = (keep(session, world, line(name), number=at) for at, name in enumerate("abc", start=1))
        keep(session, world, line("d"), replaces=first.id)
    row = {"partner_id": world.partner_id, "profile_id": None}

    def put(**wrong: object) -> None:
        spare = new_id()
        with database.begin() as session:
            session.add(
                Statement(
                    id=spare, partner_id=world.partner_id, file_name="x", file_sha256=spare.bytes * 2, content=b"",
                    first_day=DAY, last_day=DAY, line_count=0, uploaded_by="lea", uploaded_at=NOON,
                )
            )  # fmt: skip
            session.flush()
            session.execute(insert(StatementReading).values(statement_id=spare, **row, **wrong))

    put(series_no=2, edition=2, replaces_id=second.id)  # what is right goes in
    for wrong in (
        {"series_no": 2, "edition": 1, "replaces_id": None},
        {"series_no": 1, "edition": 3, "replaces_id": first.id},
        {"series_no": 9, "edition": 2, "replaces_id": None},
        {"series_no": 9, "edition": 1, "replaces_id": third.id},
        {"series_no": 0, "edition": 1, "replaces_id": None},
    ):
        with pytest.raises(IntegrityError):
            put(**wrong)


def test_a_corrected_statement_takes_the_place_of_the_first(database: Database) -> None:
    with database.begin() as session:
        world = make_world(session)
        one, two = add_orders(session, world, [Wanted(), Wanted()])
        wrong = keep(session, world, line(one, "12"), line(two), line("x"), number=5)
        run(session, wrong.id, NOON)
        assert open_breaks(session) == [BreakClass.AMOUNT_DIFFERS, BreakClass.UNEXPECTED_AT_PARTNER]
        right = keep(session, world, line(one), line(two), replaces=wrong.id)
        result = run(session, right.id, LATER)
        assert (result.figures.clean, result.figures.matched, open_breaks(session)) == (True, 2, [])
        assert session.scalar(select(func.count()).select_from(LineClaim)) == 2
        rows, _ = queries.statements(session, world.partner_id)
        told = {row.id: (row.number, row.edition, row.replaced_by, row.figures.matched) for row in rows}
        assert told == {right.id: (5, 2, None, 2), wrong.id: (5, 1, right.id, 0)}
        assert session.scalar(select(func.count()).select_from(Statement)) == 2  # both files stay
        assert file_of(VAULT, session.get_one(Statement, wrong.id)).startswith(HEAD.encode())
        with pytest.raises(Conflict) as caught:
            run(session, wrong.id, LATER)
        assert caught.value.code == "statement_replaced"
        with pytest.raises(Conflict) as caught:
            keep(session, world, line(one, "11"), replaces=wrong.id)
        assert caught.value.code == "statement_replaced"
        assert [old.id for old in sequence.replaceable(session, world.partner_id)] == [right.id]
        month = Month(world.partner_id, DAY.replace(day=1), DAY.replace(day=31), NOON, LATER, 1)
        files = {one["sha256"]: one.get("replaced", False) for one in _files(session, month)}
        assert files == {wrong.file_sha256.hex(): True, right.file_sha256.hex(): False}


def test_a_replaced_statement_that_kept_its_claims_would_be_seen(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: without letting go, the corrected lines claim nothing and everything is a duplicate."""
    monkeypatch.setattr(sequence, "release", lambda *_: None)
    with database.begin() as session:
        world = make_world(session)
        (one,) = add_orders(session, world, [Wanted()])
        wrong = keep(session, world, line(one, "12"))
        run(session, wrong.id, NOON)
        right = keep(session, world, line(one), replaces=wrong.id)
        assert run(session, right.id, LATER).figures.by_class == {BreakClass.DUPLICATE_AT_PARTNER: 1}


def test_what_cannot_be_replaced(database: Database) -> None:
    with database.begin() as session:
        world, other = make_world(session), make_world(session, "Opérateur B")
        first = keep(session, world, line("a"), number=1)
        theirs = keep(session, other, line("a"))
        for replaces, number in ((theirs.id, None), (new_id(), None), (first.id, 2)):
            with pytest.raises(BadInput):
                keep(session, world, line("b"), replaces=replaces, number=number)
    close_month(database, world.partner_id)
    with pytest.raises(Conflict) as caught, database.begin() as session:
        keep(session, world, line("b").replace("10/03", "10/04"), replaces=first.id)
    assert caught.value.code == "period_closed"
    with database.read() as session:
        assert sequence.replaceable(session, world.partner_id) == []


def test_a_profile_is_kept_in_versions_and_each_statement_says_its_own(database: Database) -> None:
    content = b"Kennung;Wert;Ergebnis;Zeit\nx1;12,50;Ja;10.03.26 12:00\ny2;1,00;Nein;10.03.26 12:00\n"
    with database.begin() as session:
        world = make_world(session)
    with pytest.raises(BadFile), database.begin() as session:  # nobody knows these names
        import_statement(
            session, vault=VAULT, partner_id=world.partner_id, file_name="x", content=content, actor="lea", now=NOON
        )
    with database.begin() as session:
        guess = propose(open_text(content)).profile
        told = replace(
            guess,
            unit="EUR",
            columns={**guess.columns} | {Field.STATUS: 2, Field.OUR_REF: 0, Field.QUANTITY: 1, Field.EVENT_AT: 3},
            statuses={"ja": LineStatus.DELIVERED, "nein": LineStatus.REFUSED},
        )
        told = replace(told, columns={k: v for k, v in told.columns.items() if k is not Field.PARTNER_REF})
        for _ in range(2):  # the same again is the same version
            kept = profiles.keep(session, partner_id=world.partner_id, profile=told, actor="lea", now=NOON)
            assert kept.version == 1
        first = import_statement(
            session, vault=VAULT, partner_id=world.partner_id, file_name="x", content=content, actor="lea", now=NOON
        )
        changed = replace(told, zone="UTC")
        assert profiles.keep(
            session, partner_id=world.partner_id, profile=changed, actor="max", now=LATER
        ).version == 2  # fmt: skip
        second = import_statement(
            session, vault=VAULT,
            partner_id=world.partner_id, file_name="y", content=content.replace(b"x1", b"x2"), actor="lea",
            now=LATER,
        )  # fmt: skip
        rows, _ = queries.statements(session, world.partner_id)
        assert {row.id: row.version for row in rows} == {first.id: 1, second.id: 2}
        assert [row.made_by for row in profiles.versions(session, world.partner_id)] == ["max", "lea"]
        with pytest.raises(BadInput):
            profiles.keep(
                session, partner_id=world.partner_id, profile=replace(told, zone="Mars/Olympus"), actor="lea", now=NOON
            )
        assert session.scalar(select(func.count()).select_from(ReaderProfile)) == 2
    renamed = content.replace(b"Ergebnis", b"Resultat")
    with pytest.raises(BadFile, match="Ergebnis"), database.begin() as session:
        import_statement(
            session, vault=VAULT, partner_id=world.partner_id, file_name="z", content=renamed, actor="lea", now=LATER
        )
