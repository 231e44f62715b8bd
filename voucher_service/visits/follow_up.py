"""Visits beside the redemption: without a voucher, finished later the same day, and the lists of a desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, seal, unseal
from voucher_service.errors import BadInput, Conflict, KeyReused, NotFound
from voucher_service.fulfilment.models import Order
from voucher_service.ids import PROGRAMME_ZONE, local_day
from voucher_service.partners.models import Campaign, Offer
from voucher_service.people.models import Person
from voucher_service.texts import clean_text
from voucher_service.visits.models import Scan, Visit, VisitKind, VisitUndo
from voucher_service.visits.questions import Forms, check_answers, tidy
from voucher_service.vouchers.models import Voucher

MAX_NOTE = 1000
_LATEST = timedelta(days=31)  # how late a visit may be recorded
_LONGEST_AHEAD = timedelta(days=732)


def record_visit(
    session: Session,
    vault: Vault,
    forms: Forms,
    *,
    visit_id: UUID,
    person_id: UUID | None,
    campaign_id: UUID | None,
    branch_id: int,
    staff_id: UUID,
    occurred_at: datetime,
    answers: Mapping[str, Any],
    note: str,
    next_visit_on: date | None,
    now: datetime,
) -> Visit:
    """Record a visit without a voucher. The same `visit_id` with the same content again changes nothing.

    Raises:
        BadInput: an answer, the note or the date. NotFound: no such person or campaign.
        KeyReused: the id came back with other content.
    """
    known = session.get(Visit, visit_id)
    note = clean_note(note)
    if known is not None:
        _same_or_refuse(vault, known, (person_id, campaign_id, branch_id, staff_id, next_visit_on), answers, note)
        return known
    if person_id is not None and session.get(Person, person_id) is None:
        raise NotFound("Cette personne n’existe pas.")
    if campaign_id is not None and session.get(Campaign, campaign_id) is None:
        raise NotFound("Cette campagne n’existe pas.")
    check_next_visit(next_visit_on, now)
    checked = check_answers(forms.of(session, campaign_id, now), answers)
    if not checked and not note and next_visit_on is None:
        raise BadInput("Ce passage est vide : répondez à une question au moins.", field="answers")
    wrapped, sealed = _seal_note(vault, visit_id, note)
    visit = Visit(
        id=visit_id,
        kind=VisitKind.FOLLOW_UP.value,
        person_id=person_id,
        campaign_id=campaign_id,
        branch_id=branch_id,
        staff_id=staff_id,
        occurred_at=occurred_at,
        recorded_at=now,
        answers=checked,
        wrapped_key=wrapped,
        note_sealed=sealed,
        next_visit_on=next_visit_on,
        paid_cents=0,
    )
    session.add(visit)
    session.flush()
    return visit


def complete_answers(
    session: Session,
    vault: Vault,
    forms: Forms,
    *,
    visit_id: UUID,
    answers: Mapping[str, Any],
    note: str,
    next_visit_on: date | None,
    now: datetime,
) -> Visit:
    """Finish a visit's record the day it was made. An empty note or date leaves what is there.

    The doors see to it that only staff of the branch come here.

    Raises:
        NotFound. BadInput. Conflict: `visit_closed`: the day of the visit is over.
    """
    visit = session.get(Visit, visit_id)
    if visit is None:
        raise NotFound("Ce passage n’existe pas.")
    if local_day(visit.recorded_at) != local_day(now):
        raise Conflict("Un passage se complète le jour même : celui-ci est clos.", code="visit_closed")
    check_next_visit(next_visit_on, now)
    questions = forms.of(session, visit.campaign_id, now, at=visit.occurred_at)
    values: dict[str, Any] = {"answers": check_answers(questions, answers)}
    note = clean_note(note)
    if note:
        values["wrapped_key"], values["note_sealed"] = _seal_note(vault, visit_id, note)
    if next_visit_on is not None:
        values["next_visit_on"] = next_visit_on
    session.execute(update(Visit).where(Visit.id == visit_id).values(**values))
    session.refresh(visit)
    return visit


@dataclass(frozen=True, slots=True)
class VisitLine:
    """One visit of the day's list: no name and no number. `open_questions` are those without an answer."""

    visit: Visit
    offer: Offer | None
    open_questions: int
    undone: bool


def visits_of_branch(session: Session, forms: Forms, branch_id: int, day: date, *, now: datetime) -> list[VisitLine]:
    """Return the visits that a branch recorded on a calendar day of the programme, newest first."""
    start = datetime.combine(day, time.min, PROGRAMME_ZONE).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time.min, PROGRAMME_ZONE).astimezone(UTC)
    rows = session.execute(
        select(Visit, Offer, VisitUndo.visit_id)
        .outerjoin(Voucher, Voucher.id == Visit.voucher_id)
        .outerjoin(VisitUndo, VisitUndo.visit_id == Visit.id)
        .outerjoin(Offer, Offer.id == Voucher.offer_id)
        # Recorded that day: also what a device or a line of paper brought late, which is finished that day too.
        .where(Visit.branch_id == branch_id, Visit.occurred_at >= start - _LATEST, Visit.occurred_at < end)
        .where(Visit.recorded_at >= start, Visit.recorded_at < end)
        .order_by(Visit.occurred_at.desc(), Visit.id.desc())
    )
    return [
        VisitLine(visit, offer, _open_questions(session, forms, visit, now), undo is not None)
        for visit, offer, undo in rows
    ]


def _open_questions(session: Session, forms: Forms, visit: Visit, now: datetime) -> int:
    questions = forms.of(session, visit.campaign_id, now, at=visit.occurred_at)
    return sum(question["id"] not in visit.answers for question in questions)


@dataclass(frozen=True, slots=True)
class ScanLine:
    """One scan of *Mon service*, with the offer where the voucher is known and the order where there is one."""

    scan: Scan
    offer: Offer | None
    voucher: Voucher | None
    order: Order | None


def my_scans(session: Session, staff_id: UUID, *, limit: int = 50) -> list[ScanLine]:
    """Return the last scans of one member of staff, newest first."""
    rows = session.execute(
        select(Scan, Offer, Voucher, Order)
        .outerjoin(Voucher, Voucher.id == Scan.voucher_id)
        .outerjoin(Offer, Offer.id == Voucher.offer_id)
        .outerjoin(Order, Order.id == Scan.order_id)
        .where(Scan.staff_id == staff_id)
        .order_by(Scan.received_at.desc(), Scan.id.desc())
        .limit(limit)
    )
    return [ScanLine(*row) for row in rows]


def clean_note(note: str) -> str:
    """Return the note with single spaces; empty stays empty. Raises BadInput: too long."""
    return clean_text(note, field="note", most=MAX_NOTE, least=0)


def check_next_visit(day: date | None, now: datetime) -> None:
    """Raise BadInput unless the next visit lies today or later, within two years."""
    today = local_day(now)
    if day is not None and not today <= day <= today + _LONGEST_AHEAD:
        raise BadInput("Choisissez une date de prochain passage à venir, dans les deux ans.", field="next_visit_on")


def _seal_note(vault: Vault, visit_id: UUID, note: str) -> tuple[bytes | None, bytes | None]:
    if not note:
        return None, None
    key, wrapped = vault.new_key(Place("visit", "wrapped_key", str(visit_id)))
    return wrapped, seal(key, Place("visit", "note", str(visit_id)), note.encode())


def read_note(vault: Vault, visit: Visit) -> str:
    """Return the visit's note in clear; empty when there is none."""
    if visit.wrapped_key is None or visit.note_sealed is None:
        return ""
    key = vault.open_key(Place("visit", "wrapped_key", str(visit.id)), visit.wrapped_key)
    return unseal(key, Place("visit", "note", str(visit.id)), visit.note_sealed).decode()


def _same_or_refuse(vault: Vault, known: Visit, facts: tuple[Any, ...], answers: Mapping[str, Any], note: str) -> None:
    stored = (known.person_id, known.campaign_id, known.branch_id, known.staff_id, known.next_visit_on)
    same = stored == facts and note == read_note(vault, known) and known.answers == tidy(answers)
    if known.kind == VisitKind.FOLLOW_UP.value and same:
        return
    raise KeyReused("Ce passage est déjà enregistré avec d’autres réponses : il n’est pas modifié.")
