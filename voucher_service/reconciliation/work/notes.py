"""Who has a break in hand, and what both sides write about it. Notes are never reworded and never removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.reconciliation.models import Break
from voucher_service.reconciliation.work.events import event_row, write_events
from voucher_service.reconciliation.work.models import BreakEvent, BreakOwner, Side, Step
from voucher_service.staff.models import Role, Staff
from voucher_service.texts import clean_text

NOTE_MOST = 1000
PAGE = 50


@dataclass(frozen=True, slots=True)
class History:
    """One page of what happened to a break, oldest first; `page` counts from 1, `total` is of all pages."""

    items: Sequence[BreakEvent]
    page: int
    total: int

    @property
    def pages(self) -> int:
        """Return how many pages there are; a break to which nothing happened has one."""
        return max(1, -(-self.total // PAGE))


def add_note(
    session: Session,
    break_id: UUID,
    *,
    words: str,
    side: Side,
    actor: str,
    now: datetime,
    partner_id: UUID | None = None,
) -> BreakEvent:
    """Write a note under the break; the other side reads it. With `partner_id`, only under a break of that partner.

    Raises:
        BadInput: `words`: 3 to 1,000 characters. NotFound.
    """
    words = clean_text(words, field="words", least=3, most=NOTE_MOST)
    _of(session, break_id, partner_id)
    note = BreakEvent(
        id=new_id(), break_id=break_id, step=Step.NOTE.value, side=side.value, actor=actor, at=now, words=words
    )
    session.add(note)
    session.flush()
    return note


def take(session: Session, break_id: UUID, *, actor: str, now: datetime) -> None:
    """Take the break in hand; taking it again changes nothing. Raises NotFound, Conflict: `break_taken`."""
    _of(session, break_id, None)
    owner = session.scalar(select(BreakOwner.owner).where(BreakOwner.break_id == break_id))
    if owner == actor:
        return
    if owner is not None:
        raise _taken()
    # Of two at once the database refuses one, which then runs again and finds the other here.
    session.add(BreakOwner(break_id=break_id, owner=actor))
    session.flush()
    said = event_row(break_id, Step.TAKEN, now, side=Side.PROGRAMME, actor=actor, became=actor)
    write_events(session, [said])


def assign(session: Session, break_id: UUID, *, owner: str, was: str | None, actor: str, now: datetime) -> None:
    """Hand the break to another coordinator; `was` is who had it when that was decided.

    Raises:
        NotFound. BadInput: `owner` is no coordinator at work. Conflict: `break_taken`: someone else has it by now.
    """
    _of(session, break_id, None)
    if owner not in {f"staff:{one}" for one in session.scalars(coordinators_query())}:
        raise BadInput("Choisissez une personne de la coordination.", field="owner")
    if was is None:
        if session.get(BreakOwner, break_id, populate_existing=True) is not None:
            raise _taken()
        session.add(BreakOwner(break_id=break_id, owner=owner))
        session.flush()
    else:
        done = session.scalar(
            update(BreakOwner)
            .where(BreakOwner.break_id == break_id, BreakOwner.owner == was)
            .values(owner=owner)
            .returning(BreakOwner.break_id)
            .execution_options(synchronize_session=False)
        )
        if done is None:
            raise _taken()
    write_events(
        session, [event_row(break_id, Step.TAKEN, now, side=Side.PROGRAMME, actor=actor, was=was, became=owner)]
    )


def give_back(session: Session, break_id: UUID, *, actor: str, now: datetime) -> None:
    """Give the break back to everyone. Raises NotFound, Conflict: `break_taken`: it is not in this person's hands."""
    _of(session, break_id, None)
    done = session.scalar(
        delete(BreakOwner)
        .where(BreakOwner.break_id == break_id, BreakOwner.owner == actor)
        .returning(BreakOwner.break_id)
        .execution_options(synchronize_session=False)
    )
    if done is None:
        raise _taken()
    write_events(session, [event_row(break_id, Step.GIVEN_BACK, now, side=Side.PROGRAMME, actor=actor, was=actor)])


def history(session: Session, break_id: UUID, page: int | None = None) -> History:
    """Return a page of what happened to the break, oldest first; the last where none is asked for.

    Steps are only ever added, at the end: a page that is full stays what it is.
    """
    mine = BreakEvent.break_id == break_id
    total = session.scalar(select(func.count()).select_from(BreakEvent).where(mine)) or 0
    page = page or History((), 1, total).pages
    found = select(BreakEvent).where(mine).order_by(BreakEvent.at, BreakEvent.id)
    return History(session.scalars(found.limit(PAGE).offset((page - 1) * PAGE)).all(), page, total)


def coordinators_query() -> Select[UUID]:
    """Return the query for those who may have breaks in hand: coordinators at work."""
    return select(Staff.id).where(Staff.role == Role.COORDINATOR.value, Staff.active)


def _of(session: Session, break_id: UUID, partner_id: UUID | None) -> Break:
    found = session.get(Break, break_id)
    if found is None or partner_id not in {None, found.partner_id}:
        raise NotFound("Cet écart n’existe pas : revenez à la liste.")
    return found


def _taken() -> Conflict:
    return Conflict("Cet écart est entre d’autres mains : rechargez la page.", code="break_taken")
