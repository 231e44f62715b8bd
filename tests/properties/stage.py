"""The stage of the random lives: what a rule does, and what must hold after each step and at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.properties import readings
from tests.properties.arena import GIFTS, Arena, answer_of, lot_file
from tests.properties.model import AVAILABLE, Paper
from voucher_service.ids import new_id
from voucher_service.visits.redeem import Recorded, ScanRequest
from voucher_service.vouchers.issue import Wanted

PEOPLE = 2
LATE_ENOUGH = timedelta(minutes=61)
"""Longer than any wait before an order is looked at again."""

Later = Callable[[], Any]


def same(what: str, found: object, expected: object) -> None:
    """Fail, naming both, unless they are equal."""
    assert found == expected, f"{what}: found {found}, expected {expected}"


class Stage(RuleBasedStateMachine):
    """One example: a new campaign with its gifts, in the arena; the rules come in `machine`."""

    arena: ClassVar[Arena]
    steps: ClassVar[int] = 0

    def _begin(self) -> None:
        arena = self.arena
        arena.begin()
        self.paper = Paper(arena.now, [(unit, day, gift) for unit, day, gift in GIFTS])
        self.people = [arena.programme.person() for _ in range(PEOPLE)]
        self.vouchers: list[UUID] = []
        self.codes: list[tuple[str, str]] = []
        self.orders: list[UUID] = []
        self.batches: list[UUID] = []
        self.lots: list[int] = []
        self.scans: dict[UUID, str] = {}
        self.replays: list[tuple[Later, Any]] = []
        self.reuses: list[Later] = []
        with arena.programme.database.read() as session:
            self.tills = [readings.till(session, branch.till_book_id) for branch in arena.programme.branches]
        self.returns = 0

    def _learn(self, voucher_id: UUID) -> None:
        with self.arena.programme.database.read() as session:
            table = readings.TABLES["voucher"]
            voucher = session.execute(table.select().where(table.c.id == voucher_id)).one()
            codes = self.arena.programme.ring.printed(session, voucher)  # type: ignore[arg-type]  # same columns
        self.vouchers.append(voucher_id)
        self.codes.append((codes.digits, codes.typed))

    def _acknowledged(self, work: Later, outcome: Any, reuse: Later | None = None) -> None:
        """Keep a request that was served, to send it again later."""
        self.replays.append((work, outcome))
        if reuse is not None:
            self.reuses.append(reuse)

    def _issue(self, offer: str, person: int | None) -> None:
        arena, voucher_id = self.arena, new_id()
        wanted = arena.wanted(offer, None if person is None else self.people[person])
        answer = answer_of(lambda: arena.issue(voucher_id, wanted).id)
        expected = self.paper.issue(offer, person)
        assert answer == (voucher_id if expected == "ok" else expected)
        if expected == "ok":
            self._learn(voucher_id)
            other = Wanted(
                campaign_id=wanted.campaign_id,
                offer_id=wanted.offer_id,
                actor=wanted.actor,
                person_id=wanted.person_id,
                branch_id=1,
            )
            self._acknowledged(
                lambda: arena.issue(voucher_id, wanted).id, voucher_id, lambda: arena.issue(voucher_id, other)
            )

    def _issue_batch(self, number: int) -> None:
        before = len(self.paper.promises)
        answer = answer_of(lambda: self.arena.issue_batch(self.batches[number]))
        expected = self.paper.issue_batch(number)
        fresh = len(self.paper.promises) - before
        assert answer == (fresh if expected == "ok" else expected)
        with self.arena.programme.database.read() as session:
            payers = readings.column_since(session, "voucher", self.arena.scene.first_id, "allocation_id")
        # Vouchers of one chunk are made in no order that could be told: any one that its gift paid will do.
        fresh_ids = [voucher_id for voucher_id in payers if voucher_id not in self.vouchers]
        same("issued by the batch", len(fresh_ids), fresh)
        for promise in self.paper.promises[before:]:
            gift = self.arena.scene.gifts[promise.pot]
            voucher_id = next((one for one in fresh_ids if payers[one] == gift), None)
            assert voucher_id is not None, f"gift {gift} did not pay"
            fresh_ids.remove(voucher_id)
            self._learn(voucher_id)

    def _scan(self, number: int, *, typed: bool, tail: str | None, paid: int, branch: int) -> None:
        phone = None if tail is None else f"+33612345{tail}"
        request = self.arena.request(self.codes[number][typed], branch, number=phone, paid_cents=paid)
        answer = answer_of(lambda: self.arena.scan(request))
        expected = self.paper.scan(number, tail=tail, paid=paid, branch=branch)
        same("scan", answer if isinstance(answer, str) else answer.outcome.value, expected)
        if isinstance(answer, Recorded):
            self._scanned(request, answer, expected)

    def _scanned(self, request: ScanRequest, recorded: Recorded, expected: str) -> None:
        arena = self.arena
        self.scans[request.scan_id] = expected
        if expected == "accepted":
            assert recorded.order_id is not None
            self.orders.append(recorded.order_id)
        other = arena.request(request.code, 1, scan_id=request.scan_id, number="+33612345999")
        self._acknowledged(lambda: arena.scan(request), recorded, lambda: arena.scan(other))

    def _wait(self, time: timedelta) -> None:
        self.arena.now += time
        self.paper.now += time

    def _work(self, number: int) -> None:
        self._wait(LATE_ENOUGH)
        self.arena.work(self.orders[number])
        self.paper.work(number)

    def _reveal(self, number: int, reason: str) -> None:
        answer = answer_of(lambda: self.arena.reveal(self.orders[number], reason))
        expected = self.paper.reveal(number, with_reason=bool(reason))
        if isinstance(answer, str):
            assert answer == expected
        else:
            assert expected == ("again" if answer.again else "first")

    def _import_lot(self, count: int) -> None:
        arena, content = self.arena, lot_file(self.arena.scene.partner_name, count)
        self.lots.append(arena.import_lot(content))
        self.paper.import_lot(count)
        self._acknowledged(lambda: arena.import_lot(content), self.lots[-1])

    def _expire(self) -> None:
        self.arena.expire()
        self.paper.expire()

    @invariant()
    def books_agree(self) -> None:
        """Each account of each gift and lot holds what the model says, and so does each kept balance."""
        if not hasattr(self, "paper"):
            return
        type(self).steps += 1
        scene = self.arena.scene
        expected = readings.expected_books(self.paper, scene.gifts, self.lots)
        with self.arena.programme.database.read() as session:
            same("books", readings.books(session, scene.gifts[0]), expected)
            kept = readings.kept(session, scene.gifts[0])
            counted = readings.counts(session, scene.first_id)
        redeemed = len(self.orders)
        same("counts", counted, {"visits": redeemed, "orders": redeemed, "scans": len(self.scans)})
        same("floors", kept, {book: held.get(AVAILABLE, 0) for book, held in expected.items()})

    def teardown(self) -> None:
        """Bring the example to its end and compare all that it left."""
        if not hasattr(self, "paper") or sys.exc_info()[0] is not None:
            return
        for work, outcome in self.replays:
            same("replay", answer_of(work), outcome)
        self._import_lot(2)
        for _ in range(2):
            for number in self.paper.open():
                self._work(number)
            for number, order in enumerate(self.paper.orders):
                if order.by_code:
                    self._reveal(number, "")
                    self._reveal(number, "illisible")
        self._to_the_last_day()
        self.books_agree()
        self._everything_agrees()

    def _to_the_last_day(self) -> None:
        """On its last day a voucher stands; the day after it is refused, and then swept."""
        self._expire()
        live = self.paper.live()
        if live:
            number = min(live, key=lambda one: self.paper.promises[one].last_day)
            self._wait(self.paper.promises[number].last_day - self.paper.today)
            self._expire()
            self.books_agree()
            self._wait(timedelta(days=1))
            self._scan(number, typed=True, tail="100", paid=0, branch=1)
        self._expire()

    def _everything_agrees(self) -> None:
        """Compare every row with the model, and let the independent audit look at the whole database."""
        arena, first_id = self.arena, self.arena.scene.first_id
        with arena.programme.database.read() as session:
            states = readings.column_since(session, "voucher", first_id, "state")
            outcomes = readings.column_since(session, "scan", first_id, "outcome")
            orders = readings.column_since(session, "top_up_order", first_id, "state")
            tills = [readings.till(session, branch.till_book_id) for branch in arena.programme.branches]
        arena.end()
        promised = [promise.state for promise in self.paper.promises]
        same("vouchers", states, dict(zip(self.vouchers, promised, strict=True)))
        same("scans", outcomes, self.scans)
        ordered = [order.state for order in self.paper.orders]
        stood = {order: readings.short(state) for order, state in orders.items()}
        same("orders", stood, dict(zip(self.orders, ordered, strict=True)))
        same("tills", tills, [before + self.paper.till[branch] for branch, before in enumerate(self.tills)])
        self._partner_agrees()
        same("audit", arena.programme.findings(), [])

    def _partner_agrees(self) -> None:
        """The partner delivered each order at most once, and exactly those that are settled as delivered."""
        lines = self.arena.partner.movements()
        delivered = [UUID(line.reference) for line in lines if line.code == "delivered"]
        for order_id, order in zip(self.orders, self.paper.orders, strict=True):
            times = delivered.count(order_id)
            assert times <= 1, "delivered twice"
            if not order.by_code and order.state != "open":
                assert times == (order.state == "delivered"), order.state
