"""Random lives of vouchers: every step is taken by the service and by the model, and must come to the same."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.properties.arena import GIFTS, answer_of
from tests.properties.model import FATES, OFFERS
from tests.properties.stage import PEOPLE, Stage, same
from voucher_service.ids import new_id

PICK = st.integers(0, 40)
TAIL = st.sampled_from(sorted(FATES))
OFFER = st.sampled_from(sorted(OFFERS))


def codes_known(machine: Life) -> bool:
    """Some voucher was issued."""
    return bool(machine.vouchers)


def live_known(machine: Life) -> bool:
    """Some voucher was not used yet."""
    return bool(machine.paper.live())


class Life(Stage):
    """One example: a new campaign with its gifts, in the arena."""

    @initialize(tail=TAIL)
    def open(self, tail: str) -> None:
        """Set the scene: one voucher is redeemed already, another is live."""
        self._begin()
        self._issue("euros", None)
        self._scan(0, typed=False, tail=tail, paid=100, branch=0)
        self._issue("data", 0)

    @rule(offer=OFFER, who=st.integers(-1, PEOPLE - 1))
    def issue(self, offer: str, who: int) -> None:
        """Issue one, to bearer or to a person."""
        self._issue(offer, None if who < 0 else who)

    @rule(offer=OFFER, quantity=st.integers(1, 5))
    def new_batch(self, offer: str, quantity: int) -> None:
        """Prepare a batch and issue it as far as the gifts go."""
        self.batches.append(self.arena.new_batch(offer, quantity))
        self.paper.new_batch(offer, quantity)
        self._issue_batch(len(self.batches) - 1)

    @precondition(lambda self: self.paper.batches_missing())
    @rule(pick=PICK)
    def go_on_with_batch(self, pick: int) -> None:
        """Issue what is still missing of a batch."""
        missing = self.paper.batches_missing()
        self._issue_batch(missing[pick % len(missing)])

    @precondition(live_known)
    @rule(pick=PICK, typed=st.booleans(), tail=TAIL, paid=st.sampled_from([0, 100, 200]), branch=st.integers(0, 1))
    def redeem(self, pick: int, typed: bool, tail: str, paid: int, branch: int) -> None:
        """Present a voucher that was not used yet, as it should be."""
        live = self.paper.live()
        self._scan(live[pick % len(live)], typed=typed, tail=tail, paid=paid, branch=branch)

    @precondition(codes_known)
    @rule(
        pick=PICK,
        typed=st.booleans(),
        tail=st.one_of(st.none(), TAIL),
        paid=st.sampled_from([0, 200, 201]),
        branch=st.integers(0, 1),
    )
    def scan(self, pick: int, typed: bool, tail: str | None, paid: int, branch: int) -> None:
        """Present any voucher, in whatever state it is, perhaps with something missing."""
        self._scan(pick % len(self.vouchers), typed=typed, tail=tail, paid=paid, branch=branch)

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

    @rule(days=st.sampled_from([1, 5, 19, 20, 21, 35]))
    def time_passes(self, days: int) -> None:
        """Let time pass: often to a voucher's last day, or just past it."""
        self._wait(timedelta(days=days))

    @precondition(lambda self: self.paper.due())
    @rule()
    def expire(self) -> None:
        """The nightly sweep."""
        self._expire()

    @precondition(lambda self: self.paper.open())
    @rule(pick=PICK)
    def work(self, pick: int) -> None:
        """A worker comes to an order: sends it, or asks what became of it, or sets a code aside."""
        self._work(self.paper.open()[pick % len(self.paper.open())])

    @precondition(lambda self: self.orders)
    @rule(pick=PICK, reason=st.sampled_from(["", "illisible"]))
    def reveal(self, pick: int, reason: str) -> None:
        """Show the code of an order."""
        self._reveal(pick % len(self.orders), reason)

    @precondition(lambda self: len(self.lots) < 2)
    @rule(count=st.integers(1, 3))
    def import_lot(self, count: int) -> None:
        """A lot of codes comes in."""
        self._import_lot(count)

    @precondition(lambda self: self.returns < 2)
    @rule(pick=PICK, quantity=st.sampled_from([100, 500, 1400]))
    def return_to_donor(self, pick: int, quantity: int) -> None:
        """Part of a gift goes back."""
        self.returns += 1
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
