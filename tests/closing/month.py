"""A month and what happens in it: statements, differences, bookings, a proposal and its agreement."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import func, select

from tests.programme import Programme
from voucher_service.ids import new_id
from voucher_service.ledger.seal import sealer
from voucher_service.ledger.seal.note import LogSigner
from voucher_service.reconciliation.closing import close
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.models import Break, LineClaim, Statement, StatementIntake, StatementLine
from voucher_service.reconciliation.work import settle
from voucher_service.reconciliation.work.models import Way
from voucher_service.staff.models import Role

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
US, THEM = "staff:claire", "staff:operateur"


def us(programme: Programme) -> str:
    """Who proposes a month: an account of the programme."""
    return f"staff:{programme.member(Role.COORDINATOR).id}"


def them(programme: Programme) -> str:
    """Who agrees to it: an account of the partner."""
    return f"staff:{programme.member(Role.PARTNER).id}"


def seal(programme: Programme) -> None:
    sealer.seal_all(programme.database, LogSigner(programme.vault, 1), now=programme.now, sweep=True)


def at(programme: Programme, year: int, month: int, day: int) -> None:
    programme.now = datetime(year, month, day, 9, 0, tzinfo=UTC)


def statement(programme: Programme, day: date = date(2026, 3, 10)) -> tuple[UUID, UUID]:
    """A statement of two lines: the first is an open difference, the second agrees with an order."""
    content, statement_id, break_id = str(day).encode(), new_id(), new_id()
    order_id = programme.scan(programme.digits(programme.issue())).order_id
    assert order_id is not None
    programme.deliver()
    with programme.database.begin() as session:
        session.add(
            Statement(
                id=statement_id, partner_id=programme.partner_id, file_name="mars.csv", content=content,
                file_sha256=hashlib.sha256(content).digest(), first_day=day, last_day=day, line_count=2,
                uploaded_by=THEM, uploaded_at=programme.now,
            )
        )  # fmt: skip
        session.flush()
        intake = (session.scalar(select(func.max(StatementIntake.number))) or 0) + 1
        session.add(StatementIntake(statement_id=statement_id, number=intake))
        line, calm = (
            StatementLine(
                id=(intake << 32) + number, unit="eur_cent", quantity=500, status="delivered", event_at=programme.now,
            )
            for number in (2, 3)
        )  # fmt: skip
        session.add_all([line, calm, LineClaim(order_id=order_id, line_id=calm.id, matched_by="our_ref")])
        session.flush()
        session.add(
            Break(
                id=break_id,
                partner_id=programme.partner_id,
                statement_id=statement_id,
                line_id=line.id,
                priority=1,
                kind="unexpected_at_partner",
                quantity=500,
                unit="eur_cent",
                found_at=programme.now,
            )
        )
        session.add(  # a code not used yet: it holds no month up
            Break(
                id=new_id(), partner_id=programme.partner_id, statement_id=statement_id, order_id=order_id, priority=4,
                kind="code_revealed_never_used", quantity=-500, unit="eur_cent", found_at=programme.now,
            )
        )  # fmt: skip
    return statement_id, break_id


def settled(programme: Programme, break_id: UUID) -> None:
    """Close the open difference by a booking, by two people."""
    made = programme.database.run(
        settle.propose, break_id, way=Way.WRITE_OFF, note="Vu avec l’opérateur", actor=US, now=programme.now,
        allocation_id=programme.allocation_id,
    )  # fmt: skip
    programme.database.run(settle.agree, made.id, actor="staff:omar", now=programme.now)


def propose(programme: Programme, month: date = MARCH) -> PeriodClose:
    return programme.database.run(
        close.propose, programme.vault, programme.partner_id, month, actor=us(programme), now=programme.now
    )


def agree(programme: Programme, row: PeriodClose, actor: str = "") -> PeriodClose:
    who = actor or them(programme)
    return programme.database.run(close.agree, row.id, programme.partner_id, actor=who, now=programme.now)


def march(programme: Programme) -> None:
    """One voucher used and delivered in March, one still live; then April begins and the books are sealed."""
    programme.scan(programme.digits(programme.issue()))
    programme.issue()
    programme.deliver()
    at(programme, 2026, 4, 2)
    seal(programme)
