"""A month is proposed, agreed to and kept: the files are the same each time."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import date

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from tests.closing.month import APRIL, MARCH, THEM, agree, at, march, propose, seal, settled, statement, them, us
from tests.programme import Programme
from tests.sides import sides
from voucher_service.errors import Conflict, NotFound, SecondPersonNeeded
from voucher_service.ids import new_id
from voucher_service.ledger.seal.note import verifies
from voucher_service.partners.models import Partner
from voucher_service.reconciliation.closing import close, signing
from voucher_service.reconciliation.closing import statement as statement_module
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.models import Statement
from voucher_service.reconciliation.run import figures, run
from voucher_service.reconciliation.sample import make_statement_csv
from voucher_service.reconciliation.statements import import_statement


def test_the_statement_says_what_the_books_say(programme: Programme) -> None:
    march(programme)
    row = propose(programme)
    with programme.database.read() as session:
        made = close.remake(session, close.of_partner(session, programme.partner_id, row.id))
    table = list(csv.reader(io.StringIO(made.csv.decode("utf-8-sig")), delimiter=";"))
    figures = {line[3]: [int(cell) for cell in line[4:]] for line in table[1:]}
    assert figures["disponible"] == [0, 100_000, 1_000, 99_000]
    assert figures["réservé à un bon"] == [0, 1_000, 500, 500]
    assert figures["livré"] == [0, 500, 0, 500]
    manifest = json.loads(row.manifest)
    assert manifest["files"] == {
        "etat.csv": hashlib.sha256(made.csv).hexdigest(), "etat.pdf": hashlib.sha256(made.pdf).hexdigest(),
        "soldes.csv": hashlib.sha256(made.balances).hexdigest(),
    }  # fmt: skip
    assert made.pdf.startswith(b"%PDF")
    key = signing.StatementSigner(programme.vault).key
    assert verifies(key, row.signature, row.manifest.encode())
    assert not verifies(key, row.signature, row.manifest.encode() + b" ")


def test_made_again_it_is_the_same_byte_for_byte_whatever_came_since(programme: Programme) -> None:
    march(programme)
    row = agree(programme, propose(programme))
    with programme.database.read() as session:
        first = close.remake(session, close.of_partner(session, programme.partner_id, row.id))
    programme.issue()
    seal(programme)
    at(programme, 2027, 1, 5)
    with programme.database.read() as session:
        again = close.remake(session, close.of_partner(session, programme.partner_id, row.id))
    assert again == first


def test_what_was_agreed_to_is_kept_where_it_would_be_made_otherwise_today(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    march(programme)
    row = propose(programme)
    with programme.database.read() as session:
        first = close.remake(session, close.of_partner(session, programme.partner_id, row.id))
    agree(programme, row)
    monkeypatch.setattr(statement_module, "NAMES", tuple(f"compte {name}" for name in statement_module.NAMES))
    with programme.database.read() as session:
        agreed = close.of_partner(session, programme.partner_id, row.id)
        assert close.kept(session, agreed) == first
        with pytest.raises(Conflict) as otherwise:
            close.remake(session, agreed)
    assert otherwise.value.code == "statement_changed"


def test_a_kept_file_that_is_not_the_one_of_the_manifest_is_not_given_out(programme: Programme) -> None:
    march(programme)
    row = propose(programme)
    with programme.database.begin() as session:
        session.execute(update(PeriodClose).values(pdf=b"%PDF-1.4 another"))
    with programme.database.read() as session, pytest.raises(Conflict) as refused:
        close.kept(session, close.of_partner(session, programme.partner_id, row.id))
    assert refused.value.code == "statement_changed"


def test_days_that_no_statement_speaks_for_are_told(programme: Programme) -> None:
    march(programme)
    for day in (1, 2, 10):
        statement(programme, date(2026, 3, day))
    month = close.month_of(PeriodClose(
        partner_id=programme.partner_id, first_day=MARCH, last_day=date(2026, 3, 31), from_at=programme.now,
        until_at=programme.now, size=1,
    ))  # fmt: skip
    with programme.database.read() as session:
        told = statement_module.sheet_of(session, month)
    assert told.unspoken == [(date(2026, 3, 3), date(2026, 3, 9)), (date(2026, 3, 11), date(2026, 3, 31))]
    assert [(one["differences"], one["codes_not_used"]) for one in told.files] == [(1, 1)] * 3


def test_months_are_chained_and_follow_each_other(programme: Programme) -> None:
    march(programme)
    first = propose(programme)
    at(programme, 2026, 5, 2)
    with pytest.raises(Conflict) as refused:
        propose(programme, APRIL)
    assert refused.value.code == "earlier_period_open"
    agree(programme, first)
    second = propose(programme, APRIL)
    assert json.loads(first.manifest)["previous"] == ""
    assert json.loads(second.manifest)["previous"] == hashlib.sha256(first.manifest.encode()).hexdigest()
    with programme.database.read() as session:
        made = close.remake(session, close.of_partner(session, programme.partner_id, second.id))
    opening = [line.split(";")[4] for line in made.csv.decode().splitlines()[1:]]
    assert opening[0] == "99000"


def refusal(programme: Programme, month: date = MARCH) -> str:
    with pytest.raises(Conflict) as refused:
        propose(programme, month)
    return refused.value.code


def test_a_statement_that_was_replaced_holds_no_month_up(programme: Programme) -> None:
    first, _ = statement(programme)
    at(programme, 2026, 4, 2)
    seal(programme)
    assert refusal(programme) == "period_not_clean"
    with programme.database.begin() as session:
        content = make_statement_csv(session, programme.partner_id, MARCH, date(2026, 3, 31))
        better = import_statement(
            session, vault=programme.vault, partner_id=programme.partner_id, file_name="corrige.csv", content=content,
            actor=THEM, now=programme.now, period=(MARCH, date(2026, 3, 31)), replaces=first,
        )  # fmt: skip
        assert run(session, better.id, programme.now).figures.clean
        assert not figures(session, session.get_one(Statement, first)).complete, "it is left as it was found"
    agree(programme, propose(programme))


def test_what_is_not_over_sealed_or_explained_is_not_closed(programme: Programme) -> None:
    programme.issue()
    assert refusal(programme) == "period_not_over"
    at(programme, 2026, 4, 1)  # the triggers on movements do not look at what was recorded within a day
    assert refusal(programme) == "period_not_over"
    at(programme, 2026, 4, 2)
    assert refusal(programme) == "not_sealed_yet"
    seal(programme)
    _, difference = statement(programme)
    assert refusal(programme) == "period_not_clean"
    settled(programme, difference)
    row = propose(programme)
    agree(programme, row)
    assert refusal(programme) == "period_closed"


def test_two_sides_agree_and_a_change_in_between_is_noticed(programme: Programme) -> None:
    march(programme)
    row = propose(programme)
    with pytest.raises(SecondPersonNeeded):
        agree(programme, row, actor=us(programme))
    with pytest.raises(NotFound):
        programme.database.run(close.agree, row.id, new_id(), actor=THEM, now=programme.now)
    _, difference = statement(programme)
    settled(programme, difference)
    with pytest.raises(Conflict) as refused:
        agree(programme, row)
    assert refused.value.code == "statement_changed"
    row = propose(programme)
    agreed = agree(programme, row)
    assert (agreed.proposed_by, agreed.agreed_by) == (us(programme), them(programme))
    assert agree(programme, row).agreed_at == agreed.agreed_at
    with pytest.raises(Conflict) as closed:
        agree(programme, row, actor="staff:someone")
    assert closed.value.code == "period_closed"


TYPED = {
    "who proposed": "agreed_by = proposed_by",
    "another of the programme": "agreed_by = 'staff:' || (SELECT {id} FROM staff WHERE role = 'auditor')",
    "another partner's account": "agreed_by = :other",
    "nobody's": "agreed_by = 'staff:nobody'",
    "a program's key": "agreed_by = 'api_key:1'",
}


def test_the_database_wants_the_partners_account(programme: Programme) -> None:
    march(programme)
    row = propose(programme)
    with programme.database.begin() as session:
        stranger = Partner(id=new_id(), name="Opérateur Deux", created_at=programme.now)
        session.add(stranger)
        session.flush()
        _, other = sides(session, stranger.id)

    def agreed(typed: str) -> None:
        change = f"UPDATE period_close SET {typed.format(id='CAST(id AS VARCHAR(40))')}, agreed_at = proposed_at"  # noqa: S608
        with programme.database.begin() as session:
            session.execute(text(change), {"other": other} if ":other" in change else {})

    for typed in TYPED.values():
        with pytest.raises(IntegrityError, match="agreed to by its partner"):
            agreed(typed)
    with programme.database.begin() as session:  # the planted fault: any second name would do
        if programme.database.is_sqlite:
            session.execute(text("DROP TRIGGER period_close_sides_update"))
        else:
            session.execute(text("DROP TRIGGER period_close_sides ON period_close"))
    with pytest.raises(IntegrityError, match="two_people"):
        agreed(TYPED["who proposed"])
    agreed(TYPED["another of the programme"])
    with programme.database.read() as session:
        assert session.get_one(PeriodClose, row.id).agreed_by is not None


def test_the_database_wants_the_programme_to_propose(programme: Programme) -> None:
    march(programme)
    with pytest.raises(IntegrityError, match="proposed by the programme"):
        programme.database.run(
            close.propose, programme.vault, programme.partner_id, MARCH, actor=them(programme), now=programme.now
        )
