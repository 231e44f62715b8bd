"""Declaring what is left of a gift: by the form, by the API, or in a statement. What was declared is never edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.errors import BadFile, BadInput, NotFound
from voucher_service.ids import PROGRAMME_ZONE, new_id
from voucher_service.partners.models import Agreement, Allocation
from voucher_service.reconciliation.balances.compare import current, let_go, refresh
from voucher_service.reconciliation.balances.models import DeclaredBalance
from voucher_service.reconciliation.closing.models import refuse_closed_days
from voucher_service.reconciliation.days import instants
from voucher_service.reconciliation.intake import profiles
from voucher_service.reconciliation.models import Statement
from voucher_service.reconciliation.reader.balances import Balance
from voucher_service.reconciliation.reader.words import plain
from voucher_service.texts import clean_text
from voucher_service.units import MAX_QUANTITY

REASON_MOST = 400
MOVEMENTS = ("granted", "delivered", "reversed", "expired", "returned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the partner says, in the gift's unit; the movements are those since the first of the month."""

    closing: int
    opening: int | None = None
    granted: int | None = None
    delivered: int | None = None
    reversed: int | None = None
    expired: int | None = None
    returned: int | None = None


def zone_of(session: Session, partner_id: UUID) -> ZoneInfo:
    """Return the time zone of the partner's days: that of its reader profile, else the branches'."""
    profile = profiles.profile_of(profiles.in_force(session, partner_id))
    return ZoneInfo(profile.zone) if profile else PROGRAMME_ZONE


def declare(
    session: Session,
    *,
    partner_id: UUID,
    allocation_id: int,
    as_of: date,
    said: Said,
    actor: str,
    now: datetime,
    reason: str = "",
    source: tuple[UUID, int] | None = None,
) -> DeclaredBalance:
    """Keep what is left of the gift at the end of `as_of`, and compare it with the books at once.

    The same figures again change nothing. Others are a correction: by the form they need a `reason`; `source` is the
    statement and the line that say it.

    Raises:
        NotFound: no such gift of the partner. Conflict: `period_closed`.
        BadInput: `as_of` is not over; a figure is out of range; the movements do not lead to the closing balance
            (`closing`); `reason` is missing.
    """
    gift = _gift(session, partner_id, allocation_id)
    zone = zone_of(session, partner_id)
    if now.astimezone(zone).date() <= as_of:
        raise BadInput("Ce jour n’est pas encore fini.", field="as_of")
    refuse_closed_days(session, partner_id, as_of, as_of)
    check(said)
    known = next((one for one in current(session, partner_id, as_of, as_of) if one.allocation_id == gift.id), None)
    if known is not None and _same(known, said):
        return known
    if known is not None and source is None:
        if not reason.strip():
            raise BadInput("Un solde est déjà déclaré pour ce jour : dites pourquoi il change.", field="reason")
        reason = clean_text(reason, field="reason", least=3, most=REASON_MOST)
    last = session.scalar(
        select(func.max(DeclaredBalance.edition))
        .where(DeclaredBalance.allocation_id == gift.id, DeclaredBalance.as_of == as_of)
    )  # fmt: skip
    if last is not None and source is None:
        reason = reason or "Le relevé qui le disait est remplacé."
    made = DeclaredBalance(
        id=new_id(), partner_id=partner_id, allocation_id=gift.id, unit=gift.unit, as_of=as_of,
        until_at=instants(as_of, as_of, zone)[1], edition=(last or 0) + 1, **asdict(said), reason=reason or None,
        statement_id=source[0] if source else None, line=source[1] if source else None, declared_by=actor,
        declared_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    if known is not None:
        let_go(session, [known.id], now)
    if source is None:  # a statement is compared when its lines have been matched
        refresh(session, made, now)
    return made


def take_in(session: Session, statement: Statement, said: Sequence[Balance], *, now: datetime) -> None:
    """Keep the balances that a statement ends with, of its last day.

    Raises:
        BadFile: names the line: no such gift, another unit, or a day that is not over.
    """
    for one in said:
        gift = _named(session, statement, one)
        try:
            declare(
                session, partner_id=statement.partner_id, allocation_id=gift.id, as_of=statement.last_day,
                said=Said(closing=one.closing), actor=statement.uploaded_by, now=now, source=(statement.id, one.line),
            )  # fmt: skip
        except BadInput as error:
            raise BadFile(error.message, line=one.line, **error.values) from error


def _named(session: Session, statement: Statement, said: Balance) -> Allocation:
    """Return the gift by its number, its name, or the agreement of which it is the only one in that unit."""
    gifts = session.execute(
        select(Allocation, Agreement.reference)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .where(Agreement.partner_id == statement.partner_id)
    ).all()
    name = plain(said.gift)
    by_itself = [gift for gift, _ in gifts if name in {str(gift.id), plain(gift.label)}]
    by_agreement = [gift for gift, reference in gifts if name == plain(reference) and gift.unit == said.unit.value]
    found = by_itself or by_agreement
    if len(found) != 1:
        raise BadFile(
            "« {gift} » ne désigne pas une de vos dotations : écrivez son numéro.", line=said.line, gift=said.gift
        )
    if found[0].unit != said.unit.value:
        raise BadFile("ce solde n’est pas dans l’unité de la dotation.", line=said.line)
    return found[0]


def check(said: Said) -> None:
    """Refuse figures that cannot be, or that contradict each other. Raises BadInput, naming the figure."""
    for name, value in asdict(said).items():
        if value is None:
            continue
        least = 0 if name in MOVEMENTS else -MAX_QUANTITY
        if not least <= value <= MAX_QUANTITY:
            raise BadInput("Cette quantité est hors limites.", field=name)
    figures = [said.opening, *(getattr(said, name) for name in MOVEMENTS)]
    opening, granted, delivered, back, expired, returned = (figure or 0 for figure in figures)
    if None not in figures and opening + granted - delivered + back - expired - returned != said.closing:
        raise BadInput(
            "Ce solde ne suit pas de vos mouvements : début + dons − livré + repris − expiré − rendu.", field="closing"
        )


def _same(known: DeclaredBalance, said: Said) -> bool:
    return all(getattr(known, name) == value for name, value in asdict(said).items())


def _gift(session: Session, partner_id: UUID, allocation_id: int) -> Allocation:
    found = session.scalar(
        select(Allocation)
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .where(Allocation.id == allocation_id, Agreement.partner_id == partner_id)
    )
    if found is None:
        raise NotFound("Cette dotation n’existe pas, ou n’est pas la vôtre.")
    return found
