"""The desk: what staff need to see of a voucher before redeeming it, and redeeming with the visit's form.

A look writes nothing. What may be shown of the person depends on who looks; the doors say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.errors import BadInput, Erased, NotFound
from voucher_service.ids import local_day
from voucher_service.partners.models import STOCK_ROUTES, Offer
from voucher_service.partners.policies import policy_on
from voucher_service.people import identity
from voucher_service.people.models import Person
from voucher_service.visits import present
from voucher_service.visits.models import Scan, Visit, VisitUndo
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.questions import Forms, Question, check_answers
from voucher_service.visits.redeem import Recorded, ScanRequest, redeem
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher

STALE_NUMBER = timedelta(days=60)
"""A stored number is asked for again after this: operators give numbers to others."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the person's file says. `number` is E.164; `fresh` when it was confirmed in the last 60 days."""

    reference: str
    number: str | None
    fresh: bool
    last_visit_at: datetime | None


@dataclass(frozen=True, slots=True)
class Desk:
    """A live voucher at the desk."""

    voucher: Voucher
    offer: Offer
    needs_number: bool
    questions: Sequence[Question]
    today: date
    next_visit_on: date
    known: Known | None


def at_desk(
    session: Session, vault: Vault, forms: Forms, voucher: Voucher, *, with_person: bool, now: datetime
) -> Desk:
    """Return what staff need to redeem this live voucher; with `with_person`, what the person's file says too."""
    offer = session.get_one(Offer, voucher.offer_id)
    policy = policy_on(session, voucher.campaign_id, local_day(now))
    return Desk(
        voucher=voucher,
        offer=offer,
        needs_number=offer.route not in STOCK_ROUTES,
        questions=forms.of(session, voucher.campaign_id, now),
        today=local_day(now),
        next_visit_on=open_day(local_day(now) + timedelta(days=policy.next_visit_days)),
        known=_known(session, vault, voucher.person_id, now) if with_person and voucher.person_id else None,
    )


def open_day(day: date) -> date:
    """Return `day`, or the Monday after a weekend: a date proposed to someone must find the door open."""
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= 5 else day


def redeem_at_desk(
    session: Session,
    vault: Vault,
    ring: KeyRing,
    forms: Forms,
    request: ScanRequest,
    *,
    now: datetime,
) -> Recorded:
    """Hold the answers against the campaign's form, then redeem; the same scan again gets its first outcome.

    Everything is checked before the one statement that writes, so that it may be its own transaction; only a
    number on file that is confirmed along wants a transaction around both.

    Raises:
        BadInput: a field of the redemption or an answer is missing or wrong: nothing is recorded.
        KeyReused: the scan id was used for another request.
    """
    person_id = None
    if request.number_on_file:
        request, person_id = _with_number_on_file(session, vault, ring, request, now)
    if request.answers or forms.any_required(session, now):
        voucher = _live(session, ring, request, now)
        if voucher is not None:
            check_answers(forms.of(session, voucher.campaign_id, now), request.answers)
    recorded = redeem(session, vault, ring, request, now=now)
    if person_id is not None and recorded.outcome is Outcome.ACCEPTED and not recorded.replayed:
        identity.confirm_phone(session, person_id, now)
    return recorded


def _live(session: Session, ring: KeyRing, request: ScanRequest, now: datetime) -> Voucher | None:
    """Return the voucher presented; None when it is refused, or redeemed by this very scan before."""
    voucher = present.find_voucher(session, present.read_code(session, ring, request.code, now))
    if voucher is None or present.refusal_of(voucher, local_day(now)) is not None:
        return None
    # Given back since its first scan, a voucher is live again; that scan's replay is still a replay.
    return voucher if session.get(Scan, request.scan_id) is None else None


def _with_number_on_file(
    session: Session, vault: Vault, ring: KeyRing, request: ScanRequest, now: datetime
) -> tuple[ScanRequest, UUID | None]:
    voucher = _live(session, ring, request, now)
    if voucher is None:
        return request, None
    number = _number(session, vault, voucher.person_id)
    if number is None:
        raise BadInput("Aucun numéro n’est connu pour ce bon : demandez-le à la personne.", field="use_known_number")
    return replace(request, number=number), voucher.person_id


def _number(session: Session, vault: Vault, person_id: UUID | None) -> str | None:
    if person_id is None:
        return None
    try:
        return identity.reveal(session, vault, person_id).phone
    except (NotFound, Erased):
        return None


def _known(session: Session, vault: Vault, person_id: UUID, now: datetime) -> Known:
    person = session.get_one(Person, person_id)
    confirmed = person.phone_confirmed_at
    return Known(
        reference=person.reference,
        number=_number(session, vault, person_id),
        fresh=confirmed is not None and now - confirmed <= STALE_NUMBER,
        last_visit_at=session.scalar(_last_visit(person_id)),
    )


def _last_visit(person_id: UUID) -> Select[datetime | None]:
    undone = exists().where(VisitUndo.visit_id == Visit.id)
    return select(func.max(Visit.occurred_at)).where(Visit.person_id == person_id, ~undone)
