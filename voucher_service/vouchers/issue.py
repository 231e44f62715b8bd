"""Issuing: a promise is made against a gift, its value reserved, its code signed.

Every id is made by the caller, so that the same request twice issues once.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain, repeat
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from voucher_service.db import Database
from voucher_service.errors import BadInput, Conflict, KeyReused, NotFound
from voucher_service.ids import local_day, new_id
from voucher_service.ledger import post
from voucher_service.ledger.models import AccountKind, Reason
from voucher_service.partners import caps, catalogue, draw_down, policies
from voucher_service.partners.models import DrawDown, Offer, OfferTerms
from voucher_service.people.models import Person
from voucher_service.units import Unit
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Batch, BatchState, Voucher, VoucherState
from voucher_service.vouchers.serials import shuffled

CHUNK = 1000
"""Vouchers issued in one transaction of a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to issue: an offer of a campaign, to a person or to bearer (`person_id` None).

    `replaces_live`: the voucher replaced was still good, so that the person gets nothing on top of it.
    """

    campaign_id: UUID
    offer_id: UUID
    actor: str
    person_id: UUID | None = None
    branch_id: int | None = None
    batch_id: UUID | None = None
    replaces_id: UUID | None = None
    replaces_live: bool = False


def issue_one(session: Session, ring: KeyRing, voucher_id: UUID, wanted: Wanted, *, now: datetime) -> Voucher:
    """Issue one voucher under the caller's `voucher_id`; the same request again returns the same voucher.

    Raises:
        NotFound, BadInput: the campaign, offer or person does not exist or does not fit.
        Conflict: the campaign is not open, the cap is reached, or no allocation can pay.
        KeyReused: the id belongs to another request.
    """
    known = _issued_before(session, voucher_id, wanted)
    if known is None:
        ring.wait_turn(session)
        known = _issued_before(session, voucher_id, wanted)  # the same request may have been before us
    if known is not None:
        return known
    day = local_day(now)
    offer, terms = _offer_and_terms(session, wanted, day)
    if wanted.person_id is not None and not wanted.replaces_live:
        _claim_entitlement(session, wanted, terms, day)
    draws = _draw(session, wanted, offer, terms, 1, day)
    _write(session, ring, [voucher_id], wanted, offer, terms, draws, now)
    return session.get_one(Voucher, voucher_id)


def issue_batch(
    database: Database,
    ring: KeyRing,
    batch_id: UUID,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Issue what is still missing of a ready batch, `CHUNK` vouchers a transaction; return how many were issued.

    Interrupted at any point it goes on where it stopped; two at once do not issue more than was asked.
    `progress` gets the number issued so far, out of the batch's quantity.

    Raises:
        Conflict: the batch is not ready, or the allocations no longer suffice (what was issued stays).
    """
    total = 0
    while issued := database.run(_issue_chunk, ring, batch_id, clock()):
        total += issued
        with database.read() as session:
            progress(session.get_one(Batch, batch_id).issued_count)
    return total


def _issue_chunk(session: Session, ring: KeyRing, batch_id: UUID, now: datetime) -> int:
    ring.wait_turn(session)
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise NotFound("Ce lot de bons n’existe pas.")
    if batch.state == BatchState.ISSUED.value:
        return 0
    if batch.state != BatchState.READY.value:
        raise Conflict("Ce lot attend encore l’accord d’une deuxième personne.", code="batch_not_ready")
    count = min(CHUNK, batch.quantity - batch.issued_count)
    done = batch.issued_count + count
    # The compare-and-set on the count is what keeps two workers from issuing the same thousand twice.
    claimed = session.scalar(
        update(Batch)
        .where(Batch.id == batch_id, Batch.issued_count == batch.issued_count)
        .values(
            issued_count=done,
            state=(BatchState.ISSUED if done == batch.quantity else BatchState.READY).value,
        )
        .returning(Batch.id)
        .execution_options(synchronize_session=False)
    )
    if claimed is None:
        raise Conflict("Ce lot est déjà en cours d’émission.", code="batch_under_way")
    wanted = Wanted(
        campaign_id=batch.campaign_id,
        offer_id=batch.offer_id,
        actor=batch.created_by,
        branch_id=batch.branch_id,
        batch_id=batch_id,
    )
    day = local_day(now)
    offer, terms = _offer_and_terms(session, wanted, day)
    draws = _draw(session, wanted, offer, terms, count, day)
    _write(session, ring, [new_id() for _ in range(count)], wanted, offer, terms, draws, now)
    return count


def _issued_before(session: Session, voucher_id: UUID, wanted: Wanted) -> Voucher | None:
    known = session.get(Voucher, voucher_id)
    names = ("campaign_id", "offer_id", "person_id", "branch_id", "batch_id", "replaces_id")
    if known is not None and any(getattr(known, name) != getattr(wanted, name) for name in names):
        raise KeyReused("Ce formulaire a déjà servi à émettre un autre bon : rouvrez la page.")
    return known


def replacement(
    session: Session, ring: KeyRing, voucher_id: UUID, old: Voucher, *, was_live: bool, actor: str, now: datetime
) -> Voucher:
    """Issue the voucher that takes the place of `old`: same offer, person and terms of today.

    What took the place of an expired voucher (`was_live` False) is given anew: the cap counts it.

    Raises: as `issue_one`.
    """
    wanted = Wanted(
        campaign_id=old.campaign_id,
        offer_id=old.offer_id,
        actor=actor,
        person_id=old.person_id,
        branch_id=old.branch_id,
        replaces_id=old.id,
        replaces_live=was_live,
    )
    return issue_one(session, ring, voucher_id, wanted, now=now)


def _offer_and_terms(session: Session, wanted: Wanted, day: date) -> tuple[Offer, OfferTerms]:
    catalogue.check_running(session, wanted.campaign_id, wanted.offer_id, day)
    return session.get_one(Offer, wanted.offer_id), policies.terms_on(session, wanted.offer_id, day)


def _claim_entitlement(session: Session, wanted: Wanted, terms: OfferTerms, day: date) -> None:
    """Check the cap, and make sure that nobody else issues to the same person meanwhile."""
    person = session.get(Person, wanted.person_id)
    if person is None or person.erased_at is not None:
        raise BadInput("Cette personne n’est pas (ou plus) connue.", field="person_id")
    history = session.execute(
        select(Voucher.issued_at, Voucher.face_value_cents).where(
            Voucher.person_id == wanted.person_id,
            Voucher.campaign_id == wanted.campaign_id,
            Voucher.state.in_((VoucherState.ISSUED.value, VoucherState.REDEEMED.value)),
        )
    )
    refusal = caps.check_cap(
        [caps.Entitlement(issued_at, cents) for issued_at, cents in history],
        face_value_cents=terms.face_value_cents,
        policy=policies.policy_on(session, wanted.campaign_id, day),
        day=day,
    )
    if refusal is not None:
        raise Conflict(refusal.template, code=refusal.code, **refusal.values)
    claimed = session.scalar(
        update(Person)
        .where(Person.id == person.id, Person.entitlement_no == person.entitlement_no)
        .values(entitlement_no=Person.entitlement_no + 1)
        .returning(Person.id)
        .execution_options(synchronize_session=False)
    )
    if claimed is None:
        raise Conflict("Un bon vient d’être émis pour cette personne : rechargez la page.", code="issued_meanwhile")


def _draw(
    session: Session, wanted: Wanted, offer: Offer, terms: OfferTerms, count: int, day: date
) -> Sequence[draw_down.Draw]:
    policy = policies.policy_on(session, wanted.campaign_id, day)
    return draw_down.choose(
        session,
        partner_id=offer.partner_id,
        unit=Unit(offer.unit),
        quantity_each=terms.quantity,
        count=count,
        branch_id=wanted.branch_id,
        last_day=day + timedelta(days=terms.validity_days),
        day=day,
        rule=DrawDown(policy.draw_down),
    )


def _write(
    session: Session,
    ring: KeyRing,
    ids: Sequence[UUID],
    wanted: Wanted,
    offer: Offer,
    terms: OfferTerms,
    draws: Sequence[draw_down.Draw],
    now: datetime,
) -> None:
    entries = [
        post.Entry(
            key=f"issue:{voucher_id}",
            book_id=draw.allocation_id,
            source=AccountKind.AVAILABLE,
            destination=AccountKind.RESERVED,
            unit=Unit(offer.unit),
            quantity=terms.quantity,
            reason=Reason.ISSUED,
            object_kind="voucher",
            object_id=str(voucher_id),
        )
        for voucher_id, draw in zip(ids, _each(draws), strict=True)
    ]
    reservations, fresh = post.write(session, entries, actor=wanted.actor, occurred_at=now, now=now)
    key_id, first = ring.take_serials(session, len(ids))
    common = _common(wanted, offer, terms, ring.organisation, key_id, now)
    rows = [
        common
        | {
            "id": voucher_id,
            "serial": shuffled(first + index, ring.serial_secret),
            "nonce": secrets.randbits(32),
            "typed_lookup": ring.typed_lookup_for(voucher_id),
            "allocation_id": draw.allocation_id,
            "last_day": draw.last_day,
            "reservation_id": reservations[index],
        }
        for index, (voucher_id, draw) in enumerate(zip(ids, _each(draws), strict=True))
    ]
    session.execute(insert(Voucher), rows)
    post.move_floors(session, fresh)


def _each(draws: Sequence[draw_down.Draw]) -> Iterator[draw_down.Draw]:
    return chain.from_iterable(repeat(draw, draw.count) for draw in draws)


def _common(
    wanted: Wanted, offer: Offer, terms: OfferTerms, organisation: int, key_id: int, now: datetime
) -> dict[str, object]:
    return {
        "organisation": organisation,
        "key_id": key_id,
        "campaign_id": wanted.campaign_id,
        "offer_id": offer.id,
        "offer_code": offer.code,
        "batch_id": wanted.batch_id,
        "person_id": wanted.person_id,
        "branch_id": wanted.branch_id,
        "unit": offer.unit,
        "quantity": terms.quantity,
        "face_value_cents": terms.face_value_cents,
        "price_cents": terms.price_cents,
        "state": VoucherState.ISSUED.value,
        "replaces_id": wanted.replaces_id,
        "issued_by": wanted.actor,
        "issued_at": now,
    }
