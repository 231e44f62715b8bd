"""Deliveries in memory: the real decisions, enacted on a row of Python instead of a row of a database.

What `claim`, `outcome`, `settle` and `callbacks` do in transactions is done here in a few assignments. That the
two agree is tested: a share of the orders runs through both and must end the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from tests.drills.partner import QUANTITY, SYNC_LIMIT, CallbackDue, Partner
from voucher_service.fulfilment import decide as deciding
from voucher_service.fulfilment.decide import (
    ASKABLE,
    WAITING_FOR_ANSWER,
    Booking,
    Reply,
    Standing,
    Verdict,
    next_step,
    outcome_of,
)
from voucher_service.fulfilment.deliver import unclear
from voucher_service.fulfilment.history import History
from voucher_service.fulfilment.models import AttemptKind, OrderState
from voucher_service.fulfilment.providers import Capabilities, Delivered, ErrorClass, Ref, Refused, TopUp
from voucher_service.fulfilment.schedule import LEASE_MARGIN, MAX_INTERNAL_FAILURES
from voucher_service.units import Unit

CRASH = 0.01
"""Of steps: the worker dies before the call, after it, or when it has just booked (one third each)."""
LEASE = SYNC_LIMIT + LEASE_MARGIN


class Killed(BaseException):
    """The worker is gone: nothing of ours can catch it."""


def _bring_news(row: Row, _rules: Rules, _call: CallbackDue, now: datetime) -> None:
    free = row.lease is None or row.lease <= now
    if row.state in ASKABLE and free and (row.due is None or row.due > now):
        row.due = now


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force; a planted bug replaces one."""

    decide: Callable[[Standing, Reply, Capabilities, datetime], Verdict] = deciding.decide
    unclear: Callable[[Exception], Reply] = unclear
    reference: Callable[[UUID, int, int], UUID] = lambda order_id, generation, _tries: deciding.reference(
        order_id, generation
    )
    hear: Callable[[Row, Rules, CallbackDue, datetime], None] = _bring_news


@dataclass(slots=True)
class Row:
    """An order with its books: where its value lies, counted by account."""

    id: UUID
    due: datetime | None
    state: OrderState = OrderState.WAITING
    tries: int = 0
    queries: int = 0
    code: str | None = None
    lease: datetime | None = None
    history: History = field(default_factory=History)
    open_attempt: tuple[AttemptKind, datetime, datetime] | None = None
    holding: bool = True
    books: Counter[str] = field(default_factory=Counter)
    longest_unknown: timedelta = timedelta()
    heard: set[bytes] = field(default_factory=set)

    def enact(self, verdict: Verdict) -> None:
        """Do what was decided: the row and the books together."""
        match verdict.booking:
            case Booking.DELIVER:
                self._end("delivered")
            case Booking.GIVE_BACK:
                self._end("reserved")
            case Booking.LATE:
                self.books["variance"] -= 1
                self.books["delivered"] += 1
        self.state, self.due, self.lease = verdict.state, verdict.due_at, None
        if not verdict.keep:
            self.code = verdict.code
        if verdict.anew:
            self.queries = 0

    def _end(self, account: str) -> None:
        assert self.holding, "a hold is ended once: the ledger would have refused"
        self.holding = False
        self.books[account] += 1


def live(row: Row, partner: Partner, rules: Rules, at: list[datetime], end: datetime) -> None:
    """Let workers and callbacks have their way with one order until nothing is due before `end`.

    `at` holds the one clock of the order, which the partner reads too.
    """
    chance = partner.chance
    while True:
        calling = partner.calling
        if calling and (row.due is None or calling[-1].at <= row.due):
            call = calling.pop()
            if call.at > end:
                continue
            at[0] = max(at[0], call.at)
            if call.body not in row.heard:
                row.heard.add(call.body)
                rules.hear(row, rules, call, at[0])
            continue
        if row.due is None or row.due > end:
            return
        at[0] = max(at[0], row.due)
        try:
            step(row, partner, rules, at[0], chance)
        except Killed:
            continue


def step(row: Row, partner: Partner, rules: Rules, now: datetime, chance: Random) -> None:
    """One worker's turn: claim, call, book; it may die in between."""
    if row.open_attempt is not None:
        row.history = row.history.after(row.open_attempt[0], "lost", *row.open_attempt[1:])
        row.open_attempt = None
    if row.history.own_failures >= MAX_INTERNAL_FAILURES:
        row.due = row.lease = None
        if row.state not in deciding.SETTLED:
            row.state, row.code = OrderState.MANUAL, deciding.INTERNAL_FAILURES
        return
    waited = row.state in WAITING_FOR_ANSWER
    kind, row.state = next_step(row.state, row.code)
    submits = kind is AttemptKind.SUBMIT
    row.tries, row.queries = row.tries + submits, row.queries + (not submits)
    row.due = row.lease = deadline = now + LEASE
    row.open_attempt = (kind, now, deadline)
    history = row.history.during(kind, now, deadline)
    dies = chance.random() * 3 / CRASH
    if dies < 1:
        raise Killed
    answer = _call(row, partner, rules, kind, history)
    if 1 <= dies < 2:
        raise Killed
    standing = Standing(
        state=row.state,
        kind=kind,
        tries=row.tries,
        queries=row.queries,
        quantity=QUANTITY,
        history=history,
        code=row.code,
    )
    verdict = rules.decide(standing, answer, partner.capabilities, now)
    row.history = row.history.after(kind, outcome_of(standing, answer, partner.capabilities), now, deadline)
    row.open_attempt = None
    row.enact(verdict)
    if waited and history.sent_at is not None:
        row.longest_unknown = max(row.longest_unknown, now - history.sent_at)
    if 2 <= dies < 3:
        raise Killed


def _call(row: Row, partner: Partner, rules: Rules, kind: AttemptKind, history: History) -> Reply:
    ours = rules.reference(row.id, history.generation, row.tries)
    try:
        if kind is AttemptKind.SUBMIT:
            return partner.submit(TopUp(ours, None, "TOPUP5", QUANTITY, Unit.EUR_CENT))
        ref = Ref(ours, None, history.first_sent)
        return partner.query(ref) if kind is AttemptKind.QUERY else partner.reverse(ref)
    except Exception as fault:
        return rules.unclear(fault)


# Planted bugs: each takes one rule away.


def _believes(row: Row, rules: Rules, call: CallbackDue, now: datetime) -> None:
    """A callback that moves value by itself."""
    said: Reply = Delivered("P") if call.says_delivered else Refused("callback", ErrorClass.REFUSED_FINAL)
    verdict = deciding.fact(row.state, row.code, said)
    if verdict is None and not call.says_delivered and row.holding:
        verdict = Verdict(state=OrderState.GIVEN_BACK, booking=Booking.GIVE_BACK, code="callback")
    if verdict is not None:
        row.enact(verdict)


def _duplicate_is(said: Reply) -> Callable[[Standing, Reply, Capabilities, datetime], Verdict]:
    def decide(at: Standing, answer: Reply, can: Capabilities, now: datetime) -> Verdict:
        duplicate = isinstance(answer, Refused) and answer.error_class is ErrorClass.DUPLICATE
        return deciding.decide(at, said if duplicate else answer, can, now)

    return decide


PLANTED: dict[str, Rules] = {
    "new reference per attempt": Rules(
        reference=lambda order_id, _generation, tries: UUID(int=order_id.int + tries),
        decide=lambda at, answer, can, now: (
            Verdict(state=OrderState.WAITING, due_at=now + timedelta(seconds=10))
            if at.kind is AttemptKind.SUBMIT and outcome_of(at, answer, can) == "unknown"
            else deciding.decide(at, answer, can, now)
        ),
    ),
    "time-out is failure": Rules(unclear=lambda _fault: Refused("timeout", ErrorClass.REFUSED_FINAL)),
    "callback moves value": Rules(hear=_believes),
    "duplicate is success": Rules(decide=_duplicate_is(Delivered("P"))),
    "duplicate is failure": Rules(decide=_duplicate_is(Refused("dup", ErrorClass.REFUSED_FINAL))),
}
