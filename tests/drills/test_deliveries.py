"""A share of the million: clean with the rules in force, and crying out when any one is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import delete

from tests.drills.deliveries import BEGIN, HORIZON, meet, order_id, partner_of, portion
from tests.drills.memory import CRASH, PLANTED, Killed, Row, Rules
from tests.drills.partner import Partner
from tests.flows.delivery.desk import Desk
from tests.programme import add_gift
from voucher_service.fulfilment.abilities import Notice, Undone
from voucher_service.fulfilment.around import RoutePause
from voucher_service.fulfilment.callbacks import hear
from voucher_service.fulfilment.decide import order_of, reference
from voucher_service.fulfilment.models import Order, OrderState
from voucher_service.fulfilment.providers import Capabilities, Delivered, Found, Ref, Reversed, Submitted, TopUp
from voucher_service.fulfilment.settle import learn

SEED = 20261125
_RULES = Rules()
WORDS = {
    "new reference per attempt": "delivered twice",
    "time-out is failure": "refunded but delivered",
    "callback moves value": "refunded but delivered",
    "duplicate is success": "confirmed but never delivered",
    "duplicate is failure": "refunded but delivered",
}


def test_a_share_of_the_million_is_clean() -> None:
    result = portion(SEED, 0, 20_000)
    assert result.faults == {}, result.first
    assert result.orders == 20_000
    assert result.balances
    assert {"delivered", "given_back", "reversed", "manual cut_off"} <= set(result.ends), "the hard ends occurred"


@pytest.mark.parametrize("bug", PLANTED)
def test_planted_bugs_are_found(bug: str) -> None:
    result = portion(SEED, 0, 4_000, PLANTED[bug])
    assert result.faults[WORDS[bug]] > 0, result.faults


def test_a_reference_leads_back_to_its_order() -> None:
    ours = order_id(SEED, 7)
    assert [order_of(reference(ours, generation)) for generation in range(9)] == [ours] * 9
    assert len({reference(ours, generation) for generation in range(9)}) == 9


@dataclass
class Wire:
    """The same partner behind the real protocol, reached by workers that die at the same steps."""

    partner: Partner

    @property
    def capabilities(self) -> Capabilities:
        return self.partner.capabilities

    def _dies(self) -> float:
        dies = self.partner.chance.random() * 3 / CRASH
        if dies < 1:
            raise Killed
        return dies

    def submit(self, top_up: TopUp) -> Submitted:
        dies = self._dies()
        try:
            return self.partner.submit(top_up)
        finally:
            self._after(dies)

    def query(self, ref: Ref) -> Found:
        dies = self._dies()
        try:
            return self.partner.query(ref)
        finally:
            self._after(dies)

    def reverse(self, ref: Ref) -> Undone:
        dies = self._dies()
        try:
            return self.partner.reverse(ref)
        finally:
            self._after(dies)

    @staticmethod
    def _after(dies: float) -> None:
        if 1 <= dies < 2:
            raise Killed


def live_for_real(desk: Desk, number: int) -> tuple[UUID, Partner]:
    """Live the order of that number on a database, by workers and callbacks, as `memory.live` does."""
    programme = desk.programme
    programme.now = BEGIN
    partner = partner_of(SEED, number, desk.now)
    desk.providers["sandbox"] = Wire(partner)
    ours = desk.order()
    while True:
        due, calling = desk.row(ours).due_at, partner.calling
        if calling and (due is None or calling[-1].at <= due):
            call = calling.pop()
            if call.at <= BEGIN + HORIZON:
                programme.now = max(programme.now, call.at)
                notice = Notice(ours=call.ours, theirs=None, status=str(call.says_delivered), verified=False)
                programme.database.run(hear, "sandbox", notice, call.body, now=programme.now)
        elif due is None or due > BEGIN + HORIZON:
            return ours, partner
        else:
            programme.now = max(programme.now, due)
            try:
                desk.step(ours)
            except Killed:
                continue


def same(row: Row, order: Order) -> bool:
    """Say whether both stand at the same point."""
    return (row.state, row.code, row.tries, row.queries, row.due) == (
        order.state, order.outcome_code, order.tries, order.queries, order.due_at,
    )  # fmt: skip


def told(partner: Partner, end: datetime) -> Delivered | Reversed | None:
    """What the day's statement says."""
    return Delivered("S") if partner.holds(end) else Reversed("S") if partner.ever(end) else None


def hard_ones(count: int) -> list[int]:
    """Numbers of orders on whose way much happens, a few of each kind, and some plain ones."""
    kinds: dict[tuple[object, ...], list[int]] = {}
    for number in range(8_000):
        row, _, _ = meet(SEED, number, _RULES)
        kind = (row.state, row.code, min(row.history.generation, 1), min(row.tries, 3), min(row.queries // 4, 3))
        kinds.setdefault(kind, []).append(number)
    rounds = max(len(numbers) for numbers in kinds.values())
    rarest_first = sorted(kinds.values(), key=len)
    dealt = [numbers[turn] for turn in range(rounds) for numbers in rarest_first if turn < len(numbers)]
    return dealt[:count]


def test_the_database_ends_where_memory_ends(desk: Desk) -> None:
    with desk.programme.database.begin() as session:
        add_gift(session, desk.programme.partner_id, 10**6)
    states = set()
    for number in hard_ones(45):
        ours, partner = live_for_real(desk, number)
        row, other, end = meet(SEED, number, _RULES)
        order = desk.row(ours)
        assert same(row, order), (number, row, order.state, order.outcome_code, order.tries, order.queries)
        assert partner.calls == other.calls
        states.add(OrderState(order.state))
        if (answer := told(partner, end)) is not None:
            with desk.programme.database.begin() as session:
                learn(session, ours, answer, actor="statement", occurred_at=desk.now(), now=desk.now())
        with desk.programme.database.begin() as session:
            session.execute(delete(RoutePause))
        states.add(OrderState(desk.row(ours).state))
    assert states >= {OrderState.DELIVERED, OrderState.GIVEN_BACK, OrderState.REVERSED, OrderState.MANUAL}
    assert desk.programme.findings() == []
