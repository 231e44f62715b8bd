"""Random lives of vouchers: every step is taken by the service and by the model, and must come to the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.properties import readings
from tests.properties.arena import GIFTS, Arena, answer_of, lot_file
from tests.properties.model import AVAILABLE, FATES, OFFERS, Paper
from voucher_service.ids import new_id
from voucher_service.visits.redeem import Recorded, ScanRequest
from voucher_service.vouchers.issue import Wanted

PICK = st.integers(0, 40)
OFFER = st.sampled_from(sorted(OFFERS))
PEOPLE = 2
LATE_ENOUGH = timedelta(minutes=61)
"""Longer than any wait before an order is looked at again."""

Later = Callable[[], Any]


def codes_known(machine: Life) -> bool:
    """Some voucher was issued."""
    return bool(machine.vouchers)


def orders_known(machine: Life) -> bool:
    """Some voucher was redeemed."""
    return bool(machine.orders)


def same(what: str, found: object, expected: object) -> None:
    """Fail, naming both, unless they are equal."""
    assert found == expected, f"{what}: found {found}, expected {expected}"


class Life(RuleBasedStateMachine):
    """One example: a new campaign with its gifts, in the arena."""

    arena: ClassVar[Arena]
    steps: ClassVar[int] = 0

    @initialize()
    def open(self) -> None:
        """Set the scene."""
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

    @rule(offer=OFFER, who=st.integers(-1, PEOPLE - 1))
    def issue(self, offer: str, who: int) -> None:
        """Issue one, to bearer or to a person."""
        arena, voucher_id = self.arena, new_id()
        person = None if who < 0 else who
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

    @rule(offer=OFFER, quantity=st.integers(1, 5))
    def new_batch(self, offer: str, quantity: int) -> None:
        """Prepare a batch and issue it as far as the gifts go."""
        self.batches.append(self.arena.new_batch(offer, quantity))
        self.paper.new_batch(offer, quantity)
        self._issue_batch(len(self.batches) - 1)

    @precondition(lambda self: self.batches)
    @rule(pick=PICK)
    def go_on_with_batch(self, pick: int) -> None:
        """Issue what is still missing of a batch."""
        self._issue_batch(pick % len(self.batches))

    def _issue_batch(self, number: int) -> None:
        before = len(self.paper.promises)
        answer = answer_of(lambda: self.arena.issue_batch(self.batches[number]))
        expected = self.paper.issue_batch(number)
        fresh = len(self.paper.promises) - before
        assert answer == (fresh if expected == "ok" else expected)
        with self.arena.programme.database.read() as session:
            states = readings.column_since(session, "voucher", self.arena.scene.first_id, "state")
        for voucher_id in sorted(set(states) - set(self.vouchers)):
            self._learn(voucher_id)
        assert len(self.vouchers) == len(self.paper.promises), "a batch issues exactly what it can"

    @precondition(codes_known)
    @rule(
        pick=PICK,
        typed=st.booleans(),
        tail=st.sampled_from([None, *FATES, *FATES]),
        paid=st.sampled_from([0, 0, 100, 200, 201]),
        branch=st.integers(0, 1),
    )
    def scan(self, pick: int, typed: bool, tail: str | None, paid: int, branch: int) -> None:
        """Present a voucher, in whatever state it is."""
        number = pick % len(self.vouchers)
        phone = None if tail is None else f"+33612345{tail}"
        request = self.arena.request(self.codes[number][typed], branch, number=phone, paid_cents=paid)
        answer = answer_of(lambda: self.arena.scan(request))
        expected = self.paper.scan(number, tail=tail, paid=paid, branch=branch)
        if isinstance(answer, str):
            assert answer == expected
            return
        assert answer.outcome.value == expected
        self._scanned(request, answer, expected)

    def _scanned(self, request: ScanRequest, recorded: Recorded, expected: str) -> None:
        arena = self.arena
        self.scans[request.scan_id] = expected
        if expected == "accepted":
            assert recorded.order_id is not None
            self.orders.append(recorded.order_id)
        other = arena.request(request.code, 1, scan_id=request.scan_id, number="+33612345999")
        self._acknowledged(lambda: arena.scan(request), recorded, lambda: arena.scan(other))

    @precondition(codes_known)
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        """Cancel a voucher."""
        number = pick % len(self.vouchers)
        answer = answer_of(lambda: self.arena.cancel(self.vouchers[number])) or "ok"
        assert answer == self.paper.cancel(number)

    @precondition(codes_known)
    @rule(pick=PICK)
    def reissue(self, pick: int) -> None:
        """Replace a voucher."""
        arena, number, fresh = self.arena, pick % len(self.vouchers), new_id()
        old = self.vouchers[number]
        answer = answer_of(lambda: arena.reissue(old, fresh).id)
        expected = self.paper.reissue(number)
        assert answer == (fresh if expected == "ok" else expected)
        if expected == "ok":
            self._learn(fresh)
            self._acknowledged(
                lambda: arena.reissue(old, fresh).id, fresh, lambda: arena.reissue(self.vouchers[-1], fresh)
            )

    @rule(days=st.integers(0, 25), hours=st.integers(0, 23))
    def time_passes(self, days: int, hours: int) -> None:
        """Let time pass."""
        self._wait(timedelta(days=days, hours=hours))

    def _wait(self, time: timedelta) -> None:
        self.arena.now += time
        self.paper.now += time

    @rule()
    def expire(self) -> None:
        """The nightly sweep."""
        self.arena.expire()
        self.paper.expire()

    @precondition(orders_known)
    @rule(pick=PICK)
    def work(self, pick: int) -> None:
        """A worker comes to an order: sends it, or asks what became of it, or sets a code aside."""
        number = pick % len(self.orders)
        self._wait(LATE_ENOUGH)
        self.arena.work(self.orders[number])
        self.paper.work(number)

    @precondition(orders_known)
    @rule(pick=PICK, reason=st.sampled_from(["", "illisible"]))
    def reveal(self, pick: int, reason: str) -> None:
        """Show the code of an order."""
        number = pick % len(self.orders)
        answer = answer_of(lambda: self.arena.reveal(self.orders[number], reason))
        expected = self.paper.reveal(number, with_reason=bool(reason))
        if isinstance(answer, str):
            assert answer == expected
        else:
            assert expected == ("again" if answer.again else "first")

    @precondition(lambda self: len(self.lots) < 3)
    @rule(count=st.integers(1, 3))
    def import_lot(self, count: int) -> None:
        """A lot of codes comes in."""
        arena, content = self.arena, lot_file(self.arena.scene.partner_name, count)
        self.lots.append(arena.import_lot(content))
        self.paper.import_lot(count)
        self._acknowledged(lambda: arena.import_lot(content), self.lots[-1])

    @rule(pick=PICK, quantity=st.sampled_from([100, 500, 1400]))
    def return_to_donor(self, pick: int, quantity: int) -> None:
        """Part of a gift goes back."""
        arena, number, key = self.arena, pick % len(GIFTS), str(new_id())
        gift = arena.scene.gifts[number]
        answer = answer_of(lambda: arena.return_to_donor(gift, quantity, key))
        expected = self.paper.return_to_donor(number, quantity)
        assert (answer if isinstance(answer, str) else "ok") == expected
        if expected == "ok":
            self._acknowledged(
                lambda: arena.return_to_donor(gift, quantity, key),
                answer,
                lambda: arena.return_to_donor(gift, quantity + 1, key),
            )

    @precondition(lambda self: self.replays)
    @rule(pick=PICK)
    def replay(self, pick: int) -> None:
        """Send again something that was served: the first answer comes back."""
        work, outcome = self.replays[pick % len(self.replays)]
        same("replay", answer_of(work), outcome)

    @precondition(lambda self: self.reuses)
    @rule(pick=PICK)
    def reuse(self, pick: int) -> None:
        """Send another request under a key that has served: it is refused."""
        same("key reused", answer_of(self.reuses[pick % len(self.reuses)]), "idempotency_key_reused")

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
            for table in ("visit", "top_up_order"):
                same(table, readings.count_since(session, table, scene.first_id), len(self.orders))
            same("scans", readings.count_since(session, "scan", scene.first_id), len(self.scans))
        same("floors", kept, {book: held.get(AVAILABLE, 0) for book, held in expected.items()})

    def teardown(self) -> None:
        """Compare all that the example left, and let the independent audit look at everything."""
        if not hasattr(self, "paper"):
            return
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
