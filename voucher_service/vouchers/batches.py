"""Batches: asked for by one person, agreed to by another above the threshold, issued as a job."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.errors import N_, BadInput, Conflict, KeyReused, NotFound, SecondPersonNeeded
from voucher_service.ids import local_day
from voucher_service.partners import catalogue, policies
from voucher_service.partners.gifts import SPLIT_WINDOW
from voucher_service.partners.models import Offer, Partner
from voucher_service.partners.policies import check_range
from voucher_service.staff.models import Branch
from voucher_service.texts import clean_text
from voucher_service.units import MAX_QUANTITY, Unit
from voucher_service.vouchers.models import Batch, BatchState

MOST = 1_000_000
"""The largest batch: as the table says."""


def propose_batch(
    session: Session,
    *,
    batch_id: UUID,
    label: str,
    campaign_id: UUID,
    offer_id: UUID,
    branch_id: int | None,
    quantity: int,
    actor: str,
    now: datetime,
) -> Batch:
    """Ask for `quantity` vouchers to bearer; ready at once unless a second person must agree first.

    The value (vouchers times the offer's quantity) counts together with what `actor` asked for of the same
    partner and unit in the last 24 hours. The same `batch_id` again returns the same batch.

    Raises:
        BadInput: naming the field. NotFound: campaign, offer or branch.
        Conflict: the campaign does not run or does not give the offer. KeyReused: the id served already.
    """
    label = clean_text(label, field="label", most=120)
    known = session.get(Batch, batch_id)
    if known is not None:
        if (known.label, known.campaign_id, known.offer_id, known.branch_id, known.quantity, known.created_by) != (
            label,
            campaign_id,
            offer_id,
            branch_id,
            quantity,
            actor,
        ):
            raise KeyReused("Ce formulaire a déjà servi à demander un autre lot : rouvrez la page.")
        return known
    _one_at_a_time(session, offer_id)
    waits = weigh(session, campaign_id, offer_id, branch_id, quantity, actor=actor, now=now)
    batch = Batch(
        id=batch_id,
        label=label,
        campaign_id=campaign_id,
        offer_id=offer_id,
        branch_id=branch_id,
        quantity=quantity,
        issued_count=0,
        state=(BatchState.PENDING if waits else BatchState.READY).value,
        needs_second_person=int(waits),
        created_by=actor,
        created_at=now,
    )
    session.add(batch)
    session.flush()
    return batch


def weigh(
    session: Session,
    campaign_id: UUID,
    offer_id: UUID,
    branch_id: int | None,
    quantity: int,
    *,
    actor: str,
    now: datetime,
) -> bool:
    """Check that such a batch may be asked for, and say whether a second person must agree.

    Raises: as `propose_batch`.
    """
    check_range("quantity", quantity, 1, MOST)
    day = local_day(now)
    catalogue.check_running(session, campaign_id, offer_id, day)
    if branch_id is not None and session.get(Branch, branch_id) is None:
        raise BadInput("Cette antenne n’existe pas : choisissez dans la liste.", field="branch_id")
    offer = session.get_one(Offer, offer_id)
    value = quantity * policies.terms_on(session, offer_id, day).quantity
    counted = value + _recent(session, offer, actor, now)
    return policies.needs_second_person(session, Unit(offer.unit), min(counted, MAX_QUANTITY), day)


def approve_batch(session: Session, batch_id: UUID, actor: str, now: datetime) -> Batch:
    """Agree to a batch that waits. The same person agreeing again gets the same answer.

    Raises:
        NotFound. SecondPersonNeeded: `actor` asked for it. Conflict: `batch_not_pending`.
    """
    won = session.scalar(
        update(Batch)
        .where(Batch.id == batch_id, Batch.state == BatchState.PENDING.value, Batch.created_by != actor)
        .values(state=BatchState.READY.value, approved_by=actor, approved_at=now)
        .returning(Batch.id)
        .execution_options(synchronize_session=False)
    )
    batch = fresh(session, batch_id)
    if won is None and batch.approved_by != actor:
        if batch.created_by == actor:
            raise SecondPersonNeeded("Vous avez demandé ce lot : une autre personne doit donner son accord.")
        raise _not_pending(batch)
    return batch


def decline_batch(session: Session, batch_id: UUID, actor: str, now: datetime) -> Batch:
    """Decline a batch that waits; whoever asked for it may withdraw it so. Idempotent for the same person.

    Raises:
        NotFound. Conflict: `batch_not_pending`.
    """
    won = session.scalar(
        update(Batch)
        .where(Batch.id == batch_id, Batch.state == BatchState.PENDING.value)
        .values(state=BatchState.DECLINED.value, declined_by=actor, declined_at=now)
        .returning(Batch.id)
        .execution_options(synchronize_session=False)
    )
    batch = fresh(session, batch_id)
    if won is None and batch.declined_by != actor:
        raise _not_pending(batch)
    return batch


def weigh_again(session: Session, batch_id: UUID, now: datetime) -> Batch:
    """Return the batch, sent back to wait for a second person when its value has risen above the threshold.

    An offer's terms may change between the asking and the issuing; nobody raises them past the threshold alone.
    """
    batch = fresh(session, batch_id)
    if batch.state != BatchState.READY.value or batch.approved_by is not None:
        return batch
    offer, day = session.get_one(Offer, batch.offer_id), local_day(now)
    value = (batch.quantity - batch.issued_count) * policies.terms_on(session, offer.id, day).quantity
    if policies.needs_second_person(session, Unit(offer.unit), min(value, MAX_QUANTITY), day):
        session.execute(
            update(Batch)
            .where(Batch.id == batch_id, Batch.state == BatchState.READY.value, Batch.approved_by.is_(None))
            .values(state=BatchState.PENDING.value, needs_second_person=1)
            .execution_options(synchronize_session=False)
        )
    return fresh(session, batch_id)


def note_stop(session: Session, batch_id: UUID, because: str | None) -> None:
    """Note why issuing paused, or that it goes on (None)."""
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id)
        .values(stopped_because=None if because is None else because[:300])
        .execution_options(synchronize_session=False)
    )


def unfinished(session: Session) -> list[UUID]:
    """Return the batches that are to be issued and are not stopped, in the order they were asked for."""
    waiting = select(Batch.id).where(Batch.state == BatchState.READY.value, Batch.stopped_because.is_(None))
    return list(session.scalars(waiting.order_by(Batch.id)))


def fresh(session: Session, batch_id: UUID) -> Batch:
    """Return the batch as it stands in the database now. Raises NotFound."""
    batch = session.get(Batch, batch_id, populate_existing=True)
    if batch is None:
        raise NotFound("Ce lot de bons n’existe pas.")
    return batch


def _one_at_a_time(session: Session, offer_id: UUID) -> None:
    # As for gifts: an update that changes nothing holds the partner's row, so that two halves asked for at
    # the same instant see each other.
    session.execute(
        update(Partner)
        .where(Partner.id.in_(select(Offer.partner_id).where(Offer.id == offer_id)))
        .values(created_at=Partner.created_at)
        .execution_options(synchronize_session=False)
    )


def _recent(session: Session, offer: Offer, actor: str, now: datetime) -> int:
    rows = session.scalars(
        select(Batch)
        .join(Offer, Offer.id == Batch.offer_id)
        .where(
            Offer.partner_id == offer.partner_id,
            Offer.unit == offer.unit,
            Batch.created_by == actor,
            Batch.created_at > now - SPLIT_WINDOW,
            Batch.state != BatchState.DECLINED.value,
        )
    )
    return sum(
        batch.quantity * policies.terms_on(session, batch.offer_id, local_day(batch.created_at)).quantity
        for batch in rows
    )


def _not_pending(batch: Batch) -> Conflict:
    told = {
        BatchState.READY.value: N_("Ce lot a déjà reçu un accord."),
        BatchState.ISSUED.value: N_("Ce lot est déjà émis."),
        BatchState.DECLINED.value: N_("Ce lot a été refusé."),
        BatchState.PENDING.value: N_("Ce lot attend encore un accord."),
    }[batch.state]
    return Conflict(told, code="batch_not_pending")
