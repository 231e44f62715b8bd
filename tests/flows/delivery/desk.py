"""A programme with the sandbox partner behind it, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from integrations.code_stock import CodeStock
from integrations.sandbox import SandboxPartner, SandboxTimes
from tests.programme import Programme
from voucher_service.fulfilment.deliver import deliver_next, sweep
from voucher_service.fulfilment.models import Attempt, Order, OrderState
from voucher_service.fulfilment.providers import Capabilities, Found, Provider, Ref, Submitted, TopUp
from voucher_service.vouchers.models import Voucher

TIMES = SandboxTimes(
    short=timedelta(milliseconds=1),
    medium=timedelta(milliseconds=2),
    long=timedelta(seconds=12),
    patience=timedelta(milliseconds=3),
)


class Killed(BaseException):
    """The worker's process is gone: nothing of ours can catch it."""


@dataclass
class Fragile:
    """The partner, reached by a worker that can be killed before or after each kind of call."""

    partner: SandboxPartner
    kill: list[str] = field(default_factory=list)
    before_submit: Callable[[], None] = lambda: None
    after_submit: Callable[[], None] = lambda: None

    @property
    def capabilities(self) -> Capabilities:
        return self.partner.capabilities

    def _die(self, where: str) -> None:
        if where in self.kill:
            self.kill.remove(where)
            raise Killed(where)

    def submit(self, top_up: TopUp) -> Submitted:
        self._die("before submit")
        self.before_submit()
        answer = self.partner.submit(top_up)
        self.after_submit()
        self._die("after submit")
        return answer

    def query(self, ref: Ref) -> Found:
        self._die("before query")
        answer = self.partner.query(ref)
        self._die("after query")
        return answer


class Desk:
    """Makes orders, lets workers run and time pass, and looks at both sides afterwards."""

    def __init__(self, programme: Programme, folder: Path, *, enforces_reference: bool = True) -> None:
        self.programme = programme
        self.partner = SandboxPartner(
            folder / "sandbox-partner.db", times=TIMES, clock=self.now, enforces_reference=enforces_reference
        )
        self.line = Fragile(self.partner)
        self.providers: dict[str, Provider] = {"sandbox": self.line, "code_stock": CodeStock()}

    def now(self) -> datetime:
        """The clock of everyone."""
        return self.programme.now

    def order(self, suffix: str = "100", *, voucher: Voucher | None = None) -> UUID:
        """Redeem a voucher for a number that ends in `suffix`; return the order."""
        voucher = voucher or self.programme.issue()
        recorded = self.programme.scan(self.programme.digits(voucher), number=f"+33612345{suffix}")
        assert recorded.order_id is not None, recorded.outcome
        return recorded.order_id

    def code_order(self) -> UUID:
        """Redeem a voucher for a code."""
        voucher = self.programme.issue(offer_id=self.programme.code_id)
        recorded = self.programme.scan(self.programme.digits(voucher), number=None)
        assert recorded.order_id is not None, recorded.outcome
        return recorded.order_id

    def step(self, order_id: UUID | None = None) -> bool:
        """Let one worker do one thing."""
        return deliver_next(self.programme.database, self.providers, self.programme.vault, self.now, order_id=order_id)

    def sweep(self) -> int:
        """Let one worker do all that is due."""
        return sweep(self.programme.database, self.providers, self.programme.vault, self.now)

    def settle(self, *, steps: int = 80) -> None:
        """Let time pass from one due instant to the next, for a day, with workers that die and come back."""
        end = self.now() + timedelta(days=1)
        for _ in range(steps):
            try:
                self.sweep()
            except Killed:
                continue
            with self.programme.database.read() as session:
                due = session.scalar(select(Order.due_at).where(Order.due_at.is_not(None)).order_by(Order.due_at))
            if due is None or due > end:
                return
            self.programme.now = max(due, self.now())

    def row(self, order_id: UUID) -> Order:
        """The order as it stands."""
        with self.programme.database.begin() as session:
            return session.get_one(Order, order_id)

    def voucher_of(self, order_id: UUID) -> Voucher:
        """The order's voucher as it stands."""
        with self.programme.database.begin() as session:
            return session.get_one(Voucher, session.get_one(Order, order_id).voucher_id)

    def attempts(self, order_id: UUID) -> list[Attempt]:
        """What was tried, in order."""
        with self.programme.database.begin() as session:
            return list(session.scalars(select(Attempt).where(Attempt.order_id == order_id).order_by(Attempt.number)))

    def paid(self) -> int:
        """What the partner says it delivered in all, in cents."""
        return sum(line.quantity for line in self.partner.movements() if line.code == "delivered")

    def nobody_is_harmed(self, order_id: UUID) -> None:
        """The only order was delivered once, or given back and not delivered, or waits for people; books agree."""
        order = self.row(order_id)
        assert self.paid() <= order.quantity, "delivered twice"
        if order.state == OrderState.DELIVERED:
            assert self.paid() == order.quantity, "confirmed, but not delivered"
        if order.state == OrderState.GIVEN_BACK:
            assert self.paid() == 0, "given back, and delivered"
        assert self.programme.findings() == []
