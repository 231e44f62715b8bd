"""Random lives of articles: every step is taken by the service and on paper, and must come to the same.

Each example has two branches of its own, so that nothing of an earlier one lies on its shelves.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from tests.flows.stock.files import SELL_BY, iccid
from tests.flows.stock.shelves import AWA, MARC, Shelves
from tests.programme import _branch
from voucher_service.errors import ServiceError
from voucher_service.fulfilment.articles import parcels
from voucher_service.fulfilment.articles.models import Article
from voucher_service.fulfilment.articles.parcel_models import Parcel
from voucher_service.fulfilment.custody import take_out
from voucher_service.fulfilment.custody_models import ActKind
from voucher_service.ids import new_id

PICK = st.integers(0, 30)
SIDE = st.integers(0, 1)


class Thing:
    """One card on paper."""

    def __init__(self, branch: int, day: date, lot: int) -> None:
        self.state, self.branch, self.day, self.lot = "in_stock", branch, day, lot
        self.order: UUID | None = None


class Lives(RuleBasedStateMachine):
    """One example. `shelves` is set by the test."""

    shelves: ClassVar[Shelves]
    next_number: ClassVar[int] = 1000

    @initialize()
    def open(self) -> None:
        """Two fresh branches, three cards at the first."""
        programme = self.shelves.programme
        with programme.database.begin() as session:
            for _ in range(2):
                number = len(programme.branches) + 1
                programme.branches.append(_branch(session, number, f"Antenne {number}", "Lille"))
        self.sides = [len(programme.branches) - 1, len(programme.branches)]
        self.paper: dict[str, Thing] = {}
        self.waiting: list[tuple[UUID, int]] = []
        self.parcels: list[tuple[Parcel, list[str]]] = []
        self.bring(3, 0, 0)

    def _in(self, state: str, branch: int | None = None) -> list[str]:
        return [
            serial for serial, one in self.paper.items()
            if one.state == state and (branch is None or one.branch == branch)
        ]  # fmt: skip

    @rule(many=st.integers(1, 3), side=SIDE, later=st.integers(0, 2))
    def bring(self, many: int, side: int, later: int) -> None:
        """A lot comes in."""
        numbers = list(range(Lives.next_number, Lives.next_number + many))
        Lives.next_number += many
        branch, day = self.sides[side], SELL_BY + timedelta(days=later)
        lot = self.shelves.bring("sim", numbers, branch=branch, day=day)
        self.paper |= {iccid(number): Thing(branch, day, lot) for number in numbers}
        self._serve()

    @rule(side=SIDE)
    def want(self, side: int) -> None:
        """Someone wants a card."""
        order_id = self.shelves.want("sim", branch=self.sides[side])
        self.waiting.append((order_id, self.sides[side]))
        self._learn()

    def _serve(self) -> None:
        self.shelves.sweep()
        self._learn()

    def _learn(self) -> None:
        """Which waiting orders got a card: it must be one that expires first among those of their branch."""
        orders = dict(self.waiting)
        query = select(Article.serial, Article.order_id).where(Article.order_id.in_(orders))
        with self.shelves.programme.database.read() as session:
            found = [(serial, order_id) for serial, order_id in session.execute(query) if order_id is not None]
        got = sorted(found, key=lambda row: self.paper[row[0]].day)
        for serial, order_id in got:
            thing, shelf = self.paper[serial], self._in("in_stock", orders[order_id])
            assert serial in shelf, f"{serial} was not in stock at the order's branch"
            assert thing.day == min(self.paper[one].day for one in shelf), "the first to expire goes first"
            thing.state, thing.order = "held", order_id
            self.waiting.remove((order_id, orders[order_id]))
        for order_id, branch in self.waiting:
            assert not self._in("in_stock", branch), f"order {order_id} waits beside a full shelf"

    @precondition(lambda self: self._in("held"))
    @rule(pick=PICK, other=st.booleans())
    def give(self, pick: int, other: bool) -> None:
        """Hand over the card set aside, or another of the branch."""
        serial = sorted(self._in("held"))[pick % len(self._in("held"))]
        thing = self.paper[serial]
        shelf = sorted(self._in("in_stock", thing.branch))
        taken = shelf[pick % len(shelf)] if other and shelf else serial
        assert thing.order is not None
        assert self.shelves.give(thing.order, taken).serial == taken
        order, thing.order, thing.state = thing.order, None, "in_stock"
        self.paper[taken].state, self.paper[taken].order = "given", order

    @precondition(lambda self: self.paper)
    @rule(picks=st.lists(PICK, min_size=1, max_size=3), side=SIDE)
    def send(self, picks: list[int], side: int) -> None:
        """Send cards, of which some may not be there."""
        everything = sorted(self.paper)
        serials = list(dict.fromkeys(everything[pick % len(everything)] for pick in picks))
        start, end = self.sides[side], self.sides[1 - side]
        may = all(self.paper[one].state == "in_stock" and self.paper[one].branch == start for one in serials)
        try:
            parcel = self.shelves.send(serials=tuple(serials), from_branch_id=start, to_branch_id=end)
        except ServiceError:
            assert not may, "a good transfer was refused"
            return
        assert may, "what was not there was sent"
        self.parcels.append((parcel, serials))
        for one in serials:
            self.paper[one].state = "in_transit"

    @precondition(lambda self: self.parcels)
    @rule(pick=PICK, misses=st.booleans())
    def receive(self, pick: int, misses: bool) -> None:
        """A parcel is received, perhaps with its first card missing."""
        parcel, serials = self.parcels.pop(pick % len(self.parcels))
        gone = serials[:1] if misses else []
        self.shelves.receive(parcel, tuple(self.shelves.article(one).id for one in gone), by=MARC)
        for one in serials:
            self.paper[one].state = "lost" if one in gone else "in_stock"
            self.paper[one].branch = parcel.from_branch_id if one in gone else parcel.to_branch_id
        self._serve()

    @precondition(lambda self: self.parcels)
    @rule(pick=PICK)
    def recall(self, pick: int) -> None:
        """A parcel never left."""
        parcel, serials = self.parcels.pop(pick % len(self.parcels))
        p = self.shelves.programme
        p.database.run(parcels.recall, parcel_id=parcel.id, note="resté là", actor=AWA, now=p.now)
        for one in serials:
            self.paper[one].state = "in_stock"
        self._serve()

    @precondition(lambda self: self._in("in_stock"))
    @rule(pick=PICK, kind=st.sampled_from(ActKind))
    def lose(self, pick: int, kind: ActKind) -> None:
        """A card is lost, or goes back to its donor."""
        shelf = sorted(self._in("in_stock"))
        serial = shelf[pick % len(shelf)]
        p = self.shelves.programme
        p.database.run(
            take_out, act_id=new_id(), lot_id=self.paper[serial].lot, kind=kind, serials=[serial],
            reason="tombée", actor=AWA, now=p.now,
        )  # fmt: skip
        self.paper[serial].state = "lost" if kind is ActKind.LOST else "returned"

    @rule(side=SIDE, unseen=st.sets(PICK, max_size=2), strange=st.sets(PICK, max_size=2))
    def count(self, side: int, unseen: set[int], strange: set[int]) -> None:
        """Count a branch: some of it is not seen, and some that is not expected is."""
        branch, everything = self.sides[side], sorted(self.paper)
        here = sorted(self._in("in_stock", branch) + self._in("held", branch))
        hidden = {here[one % len(here)] for one in unseen} if here else set()
        others = {everything[one % len(everything)] for one in strange} - set(here) if everything else set()
        count = self.shelves.count(branch)
        self.shelves.see(count, *[one for one in here if one not in hidden], *sorted(others))
        self.shelves.close(count)
        for one in hidden:
            if self.paper[one].state == "in_stock":
                self.paper[one].state = "lost"
        for one in others:
            if self.paper[one].state in {"lost", "in_stock"}:
                self.paper[one].state, self.paper[one].branch = "in_stock", branch
        self._serve()

    @invariant()
    def paper_rows_and_books_agree(self) -> None:
        """Each card is where the paper says, each lot's books too, and the audit finds nothing."""
        if not hasattr(self, "paper"):
            return
        query = select(Article.serial, Article.state, Article.branch_id).where(Article.serial.in_(self.paper))
        with self.shelves.programme.database.read() as session:
            found = {serial: (state, branch) for serial, state, branch in session.execute(query)}
        assert found == {serial: (one.state, one.branch) for serial, one in self.paper.items()}
        assert self.shelves.programme.findings() == []
