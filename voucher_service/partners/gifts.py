"""Partners, what was signed with them, and how a gift comes into the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import N_, BadInput, Conflict, NotFound, SecondPersonNeeded
from voucher_service.ids import local_day, new_id
from voucher_service.ledger.models import AccountKind, BookKind, Reason
from voucher_service.ledger.post import Entry, open_book, post
from voucher_service.partners.earmarks import known_earmarks
from voucher_service.partners.models import Agreement, Allocation, AllocationState, Earmark, EarmarkKind, Partner
from voucher_service.partners.policies import check_range, needs_second_person
from voucher_service.texts import clean_text
from voucher_service.units import MAX_QUANTITY, Unit
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.outbox import tell

SPLIT_WINDOW = timedelta(hours=24)
"""What one person proposes for one partner within this time counts as one gift for the second person."""


def create_partner(session: Session, *, name: str, now: datetime) -> Partner:
    """Create a partner.

    Raises:
        BadInput: the name is empty or too long. Conflict: `partner_name_taken`.
    """
    name = clean_text(name, field="name", most=80)
    if session.scalar(select(Partner.id).where(Partner.name == name)) is not None:
        raise Conflict("L’opérateur « {name} » existe déjà.", code="partner_name_taken", name=name)
    partner = Partner(id=new_id(), name=name, created_at=now)
    session.add(partner)
    session.flush()
    return partner


def create_agreement(
    session: Session,
    *,
    partner_id: UUID,
    reference: str,
    signed_on: date,
    valid_from: date,
    valid_until: date,
) -> Agreement:
    """Record what was signed with a partner.

    Raises:
        BadInput: the reference is empty or too long, or the dates cross. NotFound: no such partner.
        Conflict: `agreement_reference_taken`.
    """
    reference = clean_text(reference, field="reference", most=60)
    if valid_until < valid_from:
        raise BadInput("La convention finit avant de commencer : corrigez la date de fin.", field="valid_until")
    if session.get(Partner, partner_id) is None:
        raise NotFound("Cet opérateur n’existe pas.")
    same = select(Agreement.id).where(Agreement.partner_id == partner_id, Agreement.reference == reference)
    if session.scalar(same) is not None:
        raise Conflict(
            "La convention « {reference} » existe déjà pour cet opérateur.",
            code="agreement_reference_taken",
            reference=reference,
        )
    agreement = Agreement(
        id=new_id(),
        partner_id=partner_id,
        reference=reference,
        signed_on=signed_on,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    session.add(agreement)
    session.flush()
    return agreement


def agreement_for(session: Session, agreement_id: UUID, valid_from: date, valid_until: date) -> Agreement:
    """Return the agreement if a gift may run under it from one day to the other. Raises NotFound, BadInput."""
    agreement = session.get(Agreement, agreement_id)
    if agreement is None:
        raise NotFound("Cette convention n’existe pas.")
    _check_window(agreement, valid_from, valid_until)
    return agreement


def propose_allocation(
    session: Session,
    *,
    agreement_id: UUID,
    label: str,
    unit: Unit | str,
    quantity: int,
    valid_from: date,
    valid_until: date,
    priority: int,
    earmarks: Sequence[tuple[EarmarkKind, str]],
    actor: str,
    now: datetime,
) -> Allocation:
    """Record a gift and open its book; funded at once unless a second person must agree first.

    `quantity` is in whole pieces of `unit`. It counts together with what `actor` proposed for the same
    partner in the last 24 hours, so that splitting a gift does not avoid the second person.

    Raises:
        BadInput: naming the field: dates, quantity, unit, priority, earmark. NotFound: no such agreement.
        Conflict: `allocation_label_taken`: probably the same form, sent twice.
    """
    agreement = session.get(Agreement, agreement_id)
    if agreement is None:
        raise NotFound("Cette convention n’existe pas.")
    label = clean_text(label, field="label", most=120)
    of_unit = _unit(unit)
    check_range("quantity", quantity, 1, MAX_QUANTITY)
    check_range("priority", priority, 1, 999)
    _check_window(agreement, valid_from, valid_until)
    marks = known_earmarks(session, earmarks)
    _one_at_a_time(session, agreement.partner_id)
    _check_new(session, agreement_id, label)
    counted = quantity + _recent(session, agreement.partner_id, of_unit, actor, now)
    waits = needs_second_person(session, of_unit, min(counted, MAX_QUANTITY), local_day(now))
    allocation = Allocation(
        id=open_book(session, kind=BookKind.ALLOCATION, unit=of_unit, now=now),
        agreement_id=agreement_id,
        label=label,
        unit=of_unit.value,
        quantity=quantity,
        valid_from=valid_from,
        valid_until=valid_until,
        priority=priority,
        state=(AllocationState.PENDING if waits else AllocationState.OPEN).value,
        needs_second_person=int(waits),
        created_by=actor,
        created_at=now,
    )
    session.add(allocation)
    session.flush()
    session.add_all(Earmark(allocation_id=allocation.id, kind=k.value, value=v) for k, v in marks)
    session.flush()
    if not waits:
        _fund(session, allocation, actor, now)
    return allocation


def approve_allocation(session: Session, allocation_id: int, actor: str, now: datetime) -> Allocation:
    """Agree to a gift that waits, and fund it. The same person agreeing again gets the same answer.

    Raises:
        NotFound. SecondPersonNeeded: `actor` proposed it. Conflict: `allocation_not_pending`, or
        `allocation_over`: its last day is past.
    """
    won = session.scalar(
        update(Allocation)
        .where(
            Allocation.id == allocation_id,
            Allocation.state == AllocationState.PENDING.value,
            Allocation.created_by != actor,
            Allocation.valid_until >= local_day(now),
        )
        .values(state=AllocationState.OPEN.value, approved_by=actor, approved_at=now)
        .returning(Allocation.id)
        .execution_options(synchronize_session=False)
    )
    allocation = fresh(session, allocation_id)
    if won is not None:
        _fund(session, allocation, actor, now)
        return allocation
    if allocation.approved_by == actor:
        return allocation
    if allocation.created_by == actor:
        raise SecondPersonNeeded("Vous avez proposé cette dotation : une autre personne doit l’approuver.")
    if allocation.state == AllocationState.PENDING.value:
        raise Conflict(
            "Cette dotation n’était valable que jusqu’au {last:%d/%m/%Y} : refusez-la.",
            code="allocation_over",
            last=allocation.valid_until,
        )
    raise _not_pending(allocation)


def decline_allocation(session: Session, allocation_id: int, actor: str, now: datetime) -> Allocation:
    """Decline a gift that waits; whoever proposed it may withdraw it so. Idempotent for the same person.

    Raises:
        NotFound. Conflict: `allocation_not_pending`.
    """
    won = session.scalar(
        update(Allocation)
        .where(Allocation.id == allocation_id, Allocation.state == AllocationState.PENDING.value)
        .values(state=AllocationState.DECLINED.value, ended_by=actor, ended_at=now)
        .returning(Allocation.id)
        .execution_options(synchronize_session=False)
    )
    allocation = fresh(session, allocation_id)
    if won is None and (allocation.state, allocation.ended_by) != (AllocationState.DECLINED.value, actor):
        raise _not_pending(allocation)
    return allocation


def fresh(session: Session, allocation_id: int) -> Allocation:
    """Return the allocation as it stands in the database now. Raises NotFound."""
    allocation = session.get(Allocation, allocation_id, populate_existing=True)
    if allocation is None:
        raise NotFound("Cette dotation n’existe pas.")
    return allocation


def _fund(session: Session, allocation: Allocation, actor: str, now: datetime) -> None:
    entry = Entry(
        key=f"receive:{allocation.id}",
        book_id=allocation.id,
        source=AccountKind.DONOR,
        destination=AccountKind.AVAILABLE,
        unit=Unit(allocation.unit),
        quantity=allocation.quantity,
        reason=Reason.RECEIVED,
        object_kind="allocation",
        object_id=str(allocation.id),
    )
    post(session, [entry], actor=actor, occurred_at=now, now=now)
    partner_id = session.scalars(select(Agreement.partner_id).where(Agreement.id == allocation.agreement_id)).one()
    tell(session, partner_id, Event.ALLOCATION_OPENED, {"allocation_id": allocation.id}, now=now)


def _unit(unit: Unit | str) -> Unit:
    try:
        return Unit(unit)
    except ValueError:
        names = ", ".join(unit.value for unit in Unit)
        raise BadInput("Unité inconnue : choisissez parmi {names}.", field="unit", names=names) from None


def _check_window(agreement: Agreement, valid_from: date, valid_until: date) -> None:
    if valid_until < valid_from:
        raise BadInput("La dotation finit avant de commencer : corrigez la date de fin.", field="valid_until")
    first, last = agreement.valid_from, agreement.valid_until
    if valid_from < agreement.valid_from:
        told = N_("La convention court du {first:%d/%m/%Y} au {last:%d/%m/%Y} : commencez plus tard.")
        raise BadInput(told, field="valid_from", first=first, last=last)
    if valid_until > agreement.valid_until:
        told = N_("La convention court du {first:%d/%m/%Y} au {last:%d/%m/%Y} : finissez plus tôt.")
        raise BadInput(told, field="valid_until", first=first, last=last)


def _check_new(session: Session, agreement_id: UUID, label: str) -> None:
    same = select(Allocation.id).where(Allocation.agreement_id == agreement_id, Allocation.label == label)
    if session.scalar(same) is not None:
        raise Conflict(
            "Une dotation « {label} » existe déjà sous cette convention : si c’est un autre don, "
            "donnez-lui un autre nom.",
            code="allocation_label_taken",
            label=label,
        )


def _one_at_a_time(session: Session, partner_id: UUID) -> None:
    # Two halves proposed at the same instant must see each other: an update that changes nothing holds the
    # partner's row until the end of the transaction. Gifts are rare; nothing else waits for this row.
    session.execute(
        update(Partner)
        .where(Partner.id == partner_id)
        .values(created_at=Partner.created_at)
        .execution_options(synchronize_session=False)
    )


def _recent(session: Session, partner_id: UUID, unit: Unit, actor: str, now: datetime) -> int:
    proposed = session.scalar(
        select(func.sum(Allocation.quantity))
        .join(Agreement, Agreement.id == Allocation.agreement_id)
        .where(
            Agreement.partner_id == partner_id,
            Allocation.unit == unit.value,
            Allocation.created_by == actor,
            Allocation.created_at > now - SPLIT_WINDOW,
            Allocation.state != AllocationState.DECLINED.value,
        )
    )
    return int(proposed or 0)


def _not_pending(allocation: Allocation) -> Conflict:
    told = {
        AllocationState.OPEN.value: N_("Cette dotation a déjà été approuvée par {who}."),
        AllocationState.DECLINED.value: N_("Cette dotation a été refusée par {who}."),
        AllocationState.CLOSED.value: N_("Cette dotation est close."),
    }[allocation.state]
    who = allocation.ended_by if allocation.state == AllocationState.DECLINED.value else allocation.approved_by
    return Conflict(told, code="allocation_not_pending", who=who or "–")
