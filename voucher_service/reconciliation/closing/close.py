"""Proposing and agreeing: a coordinator closes a month, the partner agrees, and then the database keeps it."""

from __future__ import annotations

import hashlib
import json
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Select, case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.errors import Conflict, NotFound, SecondPersonNeeded
from voucher_service.ids import PROGRAMME_ZONE, new_id
from voucher_service.ledger.models import Transfer
from voucher_service.ledger.seal.models import Leaf
from voucher_service.partners.models import Allocation
from voucher_service.reconciliation.balances.compare import current, residual
from voucher_service.reconciliation.books.proofs import newest_checkpoint
from voucher_service.reconciliation.closing.models import PeriodClose
from voucher_service.reconciliation.closing.month import Month
from voucher_service.reconciliation.closing.signing import sign
from voucher_service.reconciliation.closing.statement import Made, make
from voucher_service.reconciliation.intake.models import StatementReading
from voucher_service.reconciliation.intake.sequence import gaps_of
from voucher_service.reconciliation.models import Break, BreakClass, Statement
from voucher_service.reconciliation.run import figures
from voucher_service.units import Unit, display
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.outbox import tell

SETTLING = timedelta(days=1)
"""How long after its end a month may first be proposed: the triggers on movements look back no further than this."""


def propose(
    session: Session, vault: Vault, partner_id: UUID, first_day: date, *, actor: str, now: datetime
) -> PeriodClose:
    """Propose the statement of the month that begins on `first_day`; a proposal nobody agreed to is made anew.

    Raises:
        Conflict: `period_not_over`, `period_closed`, `period_not_clean` (a difference is open), `run_incomplete`,
            `statement_missing`, `balance_differs` (what the partner says is left of a gift), `not_sealed_yet`,
            `earlier_period_open` (the partner has not agreed to the one before).
    """
    month = _month(session, partner_id, first_day.replace(day=1), now)
    known = session.scalar(_of(partner_id).where(PeriodClose.first_day == month.first_day))
    if known is not None and known.agreed_at is not None:
        raise Conflict("Ce mois est déjà clos.", code="period_closed")
    later = session.scalar(_of(partner_id).where(PeriodClose.first_day > month.first_day).limit(1))
    if later is not None:
        raise Conflict("Un mois plus récent est déjà proposé ou clos.", code="period_closed")
    _check_clean(session, month)
    made = make(session, month, previous=_previous(session, month))
    _check_sealed(made)
    if known is not None:
        session.execute(delete(PeriodClose).where(PeriodClose.id == known.id, PeriodClose.agreed_at.is_(None)))
        session.expunge(known)
    row = PeriodClose(
        id=new_id(), partner_id=partner_id, first_day=month.first_day, last_day=month.last_day, from_at=month.from_at,
        until_at=month.until_at, size=month.size, manifest=made.manifest,
        signature=sign(session, vault, made.manifest, month.size),
        proposed_by=actor, proposed_at=now, csv=made.csv, pdf=made.pdf,
    )  # fmt: skip
    session.add(row)
    session.flush()
    tell(session, partner_id, Event.PERIOD_PROPOSED, {"period_id": row.id}, now=now)
    return row


def agree(session: Session, close_id: UUID, partner_id: UUID, *, actor: str, now: datetime) -> PeriodClose:
    """Agree to a proposed statement, for the partner. Idempotent for the same person.

    Raises:
        NotFound. SecondPersonNeeded: who proposed cannot agree. Conflict: `period_not_clean`, `statement_changed`:
            what was proposed is no longer what the rows say; it is proposed anew.
    """
    row = of_partner(session, partner_id, close_id)
    if row.agreed_by == actor:
        return row
    if row.proposed_by == actor:
        raise SecondPersonNeeded("Qui a proposé l’état ne peut pas l’approuver seul.")
    month = month_of(row)
    _check_clean(session, month)
    remake(session, row)
    done = session.scalar(
        update(PeriodClose)
        .where(PeriodClose.id == close_id, PeriodClose.agreed_at.is_(None))
        .values(agreed_by=actor, agreed_at=now)
        .returning(PeriodClose.id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        raise Conflict("Ce mois est déjà clos.", code="period_closed")
    tell(session, partner_id, Event.PERIOD_AGREED, {"period_id": row.id}, now=now)
    session.refresh(row)
    return row


def kept(session: Session, row: PeriodClose) -> Made:
    """Return the files of a proposed or agreed statement as they were made then.

    Raises:
        Conflict: `statement_changed`: they are not what its manifest says.
    """
    if row.csv is None or row.pdf is None:  # closed before they were kept
        return remake(session, row)
    made = Made(row.csv, row.pdf, row.manifest)
    if not made.is_whole:
        raise _changed()
    return made


def remake(session: Session, row: PeriodClose) -> Made:
    """Make the files of a proposed or agreed statement again.

    Raises:
        Conflict: `statement_changed`: they are not what its manifest says.
    """
    month = month_of(row)
    agreed = json.loads(row.manifest) if row.agreed_at is not None else None
    made = make(session, month, previous=_previous(session, month), agreed=agreed)
    if made.manifest != row.manifest:
        raise _changed()
    return made


def _changed() -> Conflict:
    return Conflict("Les livres ne disent plus ce que l’état proposé disait.", code="statement_changed")


def closes(session: Session, partner_id: UUID) -> Sequence[PeriodClose]:
    """Return the partner's months, newest first."""
    return session.scalars(_of(partner_id).order_by(PeriodClose.first_day.desc())).all()


def closes_page(session: Session, partner_id: UUID, page: int, size: int) -> tuple[Sequence[PeriodClose], int]:
    """Return one page of the partner's months, newest first, counted from 1, and how many there are."""
    total = session.scalar(select(func.count()).select_from(PeriodClose).where(PeriodClose.partner_id == partner_id))
    found = _of(partner_id).order_by(PeriodClose.first_day.desc()).limit(size).offset((page - 1) * size)
    return session.scalars(found).all(), total or 0


def of_partner(session: Session, partner_id: UUID, close_id: UUID) -> PeriodClose:
    """Return the partner's month. Raises NotFound when it is another's, or does not exist."""
    found = session.scalar(_of(partner_id).where(PeriodClose.id == close_id))
    if found is None:
        raise NotFound("Cet état n’existe pas, ou n’est pas le vôtre.")
    return found


def month_of(row: PeriodClose) -> Month:
    """Return the month a row is about."""
    return Month(row.partner_id, row.first_day, row.last_day, row.from_at, row.until_at, row.size)


def _of(partner_id: UUID) -> Select[PeriodClose]:
    return select(PeriodClose).where(PeriodClose.partner_id == partner_id)


def _month(session: Session, partner_id: UUID, first: date, now: datetime) -> Month:
    last = first.replace(day=monthrange(first.year, first.month)[1])
    from_at, until_at = (datetime.combine(day, time(), PROGRAMME_ZONE) for day in (first, last + timedelta(days=1)))
    if now < until_at + SETTLING:
        raise Conflict("Ce mois n’est pas fini depuis un jour entier : attendez.", code="period_not_over")
    open_rows = session.scalar(
        select(func.count())
        .select_from(Transfer)
        .join(Leaf, Leaf.transfer_id == Transfer.id, isouter=True)
        .where(Leaf.number.is_(None), Transfer.recorded_at < until_at)
    )
    if open_rows:
        raise Conflict("Des mouvements du mois ne sont pas encore scellés : réessayez.", code="not_sealed_yet")
    return Month(partner_id, first, last, from_at, until_at, newest_checkpoint(session).size)


def _check_clean(session: Session, month: Month) -> None:
    """Refuse a month with an open difference, or with a statement that is not accounted for to the last piece.

    A net of zero proves nothing: each statement of the month is counted again, line by line. A code that was given
    and not used yet is no difference of the books: it does not hold the month up.
    """
    of = (Statement.partner_id == month.partner_id, Statement.first_day <= month.last_day)
    mine = select(Statement).where(*of, Statement.last_day >= month.first_day)
    awaits = case((Break.kind == BreakClass.AWAITED_AT_PARTNER.value, 1))
    left, awaited = session.execute(
        select(func.count(), func.count(awaits))
        .select_from(Break)
        .where(Break.partner_id == month.partner_id, Break.resolved_at.is_(None))
        .where(Break.kind != BreakClass.CODE_REVEALED_NEVER_USED.value)
        .where(
            Break.statement_id.in_(mine.with_only_columns(Statement.id))
            | (Break.statement_id.is_(None) & (Break.found_at < month.until_at))
        )
    ).one()
    if left and left == awaited:
        raise Conflict(
            "Des recharges du mois sont attendues dans le relevé suivant : {left}. Attendez-le, ou réglez-les.",
            code="period_not_clean",
            left=left,
        )
    if left:
        raise Conflict("Des écarts de ce mois restent ouverts : {left}.", code="period_not_clean", left=left)
    if gaps_of(session, month.partner_id, month.first_day, month.last_day):
        raise Conflict(
            "Un relevé manque dans la suite des numéros : un mois ne se clôt pas avec un trou.",
            code="statement_missing",
        )
    # What was replaced counts no more: its lines claim nothing, and it cannot be compared again.
    replaced = exists().where(StatementReading.replaces_id == Statement.id)
    for statement in session.scalars(mine.where(~replaced).order_by(Statement.first_day, Statement.id)):
        if not figures(session, statement).complete:
            raise Conflict(
                "Le rapprochement de « {name} » est incomplet : refaites-le, puis proposez l’état à nouveau.",
                code="run_incomplete",
                name=statement.file_name,
            )
    _check_balances(session, month)


def _check_balances(session: Session, month: Month) -> None:
    """Refuse a month in which the partner says that something else is left of a gift than the books say."""
    for balance in current(session, month.partner_id, month.first_day, month.last_day):
        left = residual(session, balance)
        if left:
            gift = session.get_one(Allocation, balance.allocation_id)
            raise Conflict(
                "Le solde de « {gift} » au {day:%d/%m/%Y} diffère de nos livres ({left}) : réglez ou corrigez-le.",
                code="balance_differs",
                gift=gift.label,
                day=balance.as_of,
                left=display(left, Unit(balance.unit)),
            )


def _check_sealed(made: Made) -> None:
    """Refuse a statement whose balances agree only with movements that no checkpoint covers yet."""
    if any(one.get("residual") for one in json.loads(made.manifest)["balances"]):
        raise Conflict(
            "Des écritures qui règlent ce mois ne sont pas encore scellées : réessayez.", code="not_sealed_yet"
        )


def _previous(session: Session, month: Month) -> str:
    row = session.scalar(
        _of(month.partner_id)
        .where(PeriodClose.first_day < month.first_day)
        .order_by(PeriodClose.first_day.desc())
        .limit(1)
    )
    if row is None:
        return ""
    if row.agreed_at is None:
        raise Conflict("L’état du mois précédent n’est pas encore approuvé.", code="earlier_period_open")
    return hashlib.sha256(row.manifest.encode()).hexdigest()
