"""Articles in the books: each lot is a book in pieces, and each step moves as many as changed state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from voucher_service.ledger.models import AccountKind, Reason
from voucher_service.ledger.post import Entry, post
from voucher_service.units import Unit


class Step(NamedTuple):
    """From which account to which, and why."""

    source: AccountKind
    destination: AccountKind
    reason: Reason


SENT = Step(AccountKind.AVAILABLE, AccountKind.IN_TRANSIT, Reason.SENT)
ARRIVED = Step(AccountKind.IN_TRANSIT, AccountKind.AVAILABLE, Reason.ARRIVED)
LOST_ON_THE_WAY = Step(AccountKind.IN_TRANSIT, AccountKind.WRITTEN_OFF, Reason.WRITTEN_OFF)
LOST = Step(AccountKind.AVAILABLE, AccountKind.WRITTEN_OFF, Reason.WRITTEN_OFF)
RETURNED = Step(AccountKind.AVAILABLE, AccountKind.RETURNED_TO_DONOR, Reason.RETURNED)
EXPIRED = Step(AccountKind.AVAILABLE, AccountKind.WRITTEN_OFF, Reason.EXPIRED)
FOUND = Step(AccountKind.WRITTEN_OFF, AccountKind.AVAILABLE, Reason.FOUND)
PUT_BACK = Step(AccountKind.DELIVERED, AccountKind.AVAILABLE, Reason.EXCHANGED)
TAKEN = Step(AccountKind.AVAILABLE, AccountKind.DELIVERED, Reason.EXCHANGED)


class Served(NamedTuple):
    """What the steps were taken for."""

    kind: str  # order, parcel, count, act, lot
    id: str


def book_step(
    session: Session, step: Step, lots: Iterable[int], served: Served, *, actor: str, now: datetime, at: str = ""
) -> None:
    """Move one piece for each entry of `lots` (a lot as often as it has pieces) in that lot's book.

    `at` tells apart steps that the same thing may serve more than once.
    """
    entries = [
        Entry(
            key=f"{step.reason.value}:{served.kind}:{served.id}:{lot}:{int(step.destination)}{at}",
            book_id=lot,
            source=step.source,
            destination=step.destination,
            unit=Unit.PIECE,
            quantity=many,
            reason=step.reason,
            object_kind=served.kind,
            object_id=served.id,
        )
        for lot, many in sorted(Counter(lots).items())
    ]
    if entries:
        post(session, entries, actor=actor, occurred_at=now, now=now)
