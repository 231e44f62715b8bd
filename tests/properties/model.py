"""The programme as one would keep it on paper: the rules once more, without any code of the service.

Whatever the service answers must be what this model answers, and its books must hold what these pots hold.
Quantities are whole pieces of the pot's unit; accounts go by the two digits of the chart of accounts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

DONOR, AVAILABLE, RESERVED, IN_DELIVERY, DELIVERED, RETURNED = 1, 10, 20, 30, 40, 60
CAP_CENTS, CAP_DAYS = 1000, 30
STOP = timedelta(days=15)  # nothing is issued from a gift so long before its end
CHUNK = 2
"""Vouchers of a batch that stand or fall together."""

FATES = {
    "100": ("delivered",),
    "101": ("delivered",),
    "102": ("given_back",),
    "103": ("given_back",),
    "104": ("open",),
    "105": ("open", "delivered"),
    "106": ("given_back",),
    "107": ("open",),
    "108": ("open", "delivered"),
    "110": ("open", "delivered"),
    "111": ("open", "given_back"),
    "112": ("open",),
}
"""What the partner's answers make of an order, one word each time a worker comes; the last word stays."""


@dataclass(frozen=True)
class Offer:
    """What one voucher promises; `by_code` is delivered out of the stock of codes."""

    unit: str
    quantity: int
    face_cents: int
    price_cents: int
    days: int
    by_code: bool = False


OFFERS = {
    "euros": Offer("eur_cent", 500, 500, 200, 20),
    "data": Offer("megabyte", 1000, 300, 0, 35),
    "code": Offer("eur_cent", 500, 500, 100, 20, by_code=True),
}


@dataclass
class Pot:
    """A gift or a lot: what each of its accounts holds."""

    unit: str
    until: date
    accounts: Counter[int] = field(default_factory=Counter)

    def move(self, source: int, destination: int, quantity: int) -> None:
        """Take from one account, add to another."""
        self.accounts[source] -= quantity
        self.accounts[destination] += quantity


@dataclass
class Promise:
    """A voucher: issued | redeemed | cancelled | replaced | expired."""

    offer: str
    person: int | None
    pot: int
    issued_on: date
    last_day: date
    state: str = "issued"


@dataclass
class Order:
    """A delivery: open | held | delivered | given_back, and how often a worker came."""

    promise: int
    tail: str
    by_code: bool
    state: str = "open"
    steps: int = 0


@dataclass
class Batch:
    """Vouchers to bearer, issued `CHUNK` by `CHUNK`."""

    offer: str
    quantity: int
    promises: list[int] = field(default_factory=list)


class Paper:
    """All of it. Methods change it as the service should change, and return what it should answer."""

    def __init__(self, now: datetime, pots: list[tuple[str, date, int]]) -> None:
        self.now = now
        self.pots = [Pot(unit, until, Counter({DONOR: -gift, AVAILABLE: gift})) for unit, until, gift in pots]
        self.lots: list[Pot] = []
        self.promises: list[Promise] = []
        self.orders: list[Order] = []
        self.batches: list[Batch] = []
        self.till: Counter[int] = Counter()

    @property
    def today(self) -> date:
        """The day where the branches are."""
        return self.now.astimezone(ZoneInfo("Europe/Paris")).date()

    def live(self) -> list[int]:
        """The promises that were not used or ended yet."""
        return [number for number, one in enumerate(self.promises) if one.state == "issued"]

    def open(self) -> list[int]:
        """The orders a worker may still come to."""
        return [number for number, one in enumerate(self.orders) if one.state == "open"]

    def due(self) -> list[Promise]:
        """The promises that are past their last day."""
        return [one for one in self.promises if one.state == "issued" and one.last_day < self.today]

    def batches_missing(self) -> list[int]:
        """The batches of which vouchers are missing."""
        return [number for number, one in enumerate(self.batches) if len(one.promises) < one.quantity]

    def _payers(self, offer: Offer) -> list[int]:
        fitting = [
            number
            for number, pot in enumerate(self.pots)
            if pot.unit == offer.unit and pot.until >= self.today + STOP and pot.accounts[AVAILABLE] >= offer.quantity
        ]
        return sorted(fitting, key=lambda number: (self.pots[number].until, number))

    def _draw(self, offer: Offer, count: int) -> list[int] | None:
        """Which pots pay, earliest end first: one pot's number for each voucher, or None."""
        drawn: list[int] = []
        for number in self._payers(offer):
            possible = self.pots[number].accounts[AVAILABLE] // offer.quantity
            drawn += [number] * min(possible, count - len(drawn))
        return drawn if len(drawn) == count else None

    def _over_cap(self, offer: Offer, person: int) -> bool:
        held = sum(
            OFFERS[one.offer].face_cents
            for one in self.promises
            if one.person == person
            and one.state in {"issued", "redeemed"}
            and one.issued_on > self.today - timedelta(days=CAP_DAYS)
        )
        return held + offer.face_cents > CAP_CENTS

    def issue(self, name: str, person: int | None, count: int = 1) -> str:
        """Promise `count` times what the offer says; all or none."""
        offer = OFFERS[name]
        if person is not None and self._over_cap(offer, person):
            return "cap_reached"
        return self._promise(name, person, count)

    def _promise(self, name: str, person: int | None, count: int) -> str:
        offer = OFFERS[name]
        drawn = self._draw(offer, count)
        if drawn is None:
            return "allocation_exhausted"
        for number in drawn:
            pot = self.pots[number]
            pot.move(AVAILABLE, RESERVED, offer.quantity)
            last_day = min(self.today + timedelta(days=offer.days), pot.until)
            self.promises.append(Promise(name, person, number, self.today, last_day))
        return "ok"

    def new_batch(self, offer: str, quantity: int) -> None:
        """Prepare a batch."""
        self.batches.append(Batch(offer, quantity))

    def issue_batch(self, number: int) -> str:
        """Issue what is missing of a batch; chunks that were paid for stay."""
        batch = self.batches[number]
        while missing := batch.quantity - len(batch.promises):
            count = min(CHUNK, missing)
            first = len(self.promises)
            if (answer := self.issue(batch.offer, None, count)) != "ok":
                return answer
            batch.promises += range(first, first + count)
        return "ok"

    def cancel(self, number: int) -> str:
        """End a live promise."""
        promise = self.promises[number]
        if promise.state == "cancelled":
            return "ok"
        if promise.state != "issued":
            return "voucher_not_live"
        self._release(promise, "cancelled")
        return "ok"

    def reissue(self, number: int) -> str:
        """Replace a live or expired promise by a new one under today's terms."""
        old = self.promises[number]
        was = old.state
        if was not in {"issued", "expired"}:
            return "voucher_not_live"
        if was == "expired" and old.person is not None and self._over_cap(OFFERS[old.offer], old.person):
            return "cap_reached"
        if was == "issued":
            self._release(old, "replaced")
        answer = self._promise(old.offer, old.person, 1)
        if answer == "ok":
            old.state = "replaced"
        elif was == "issued":
            self.pots[old.pot].move(AVAILABLE, RESERVED, OFFERS[old.offer].quantity)
            old.state = "issued"
        return answer

    def expire(self) -> int:
        """End what is past its last day."""
        due = self.due()
        for one in due:
            self._release(one, "expired")
        return len(due)

    def _release(self, promise: Promise, state: str) -> None:
        promise.state = state
        self.pots[promise.pot].move(RESERVED, AVAILABLE, OFFERS[promise.offer].quantity)

    def scan(self, number: int, *, tail: str | None, paid: int, branch: int) -> str:
        """Present a promise; "accepted" makes an order, which is the last of `orders`."""
        promise = self.promises[number]
        offer = OFFERS[promise.offer]
        if promise.state != "issued":
            return "used" if promise.state == "redeemed" else promise.state
        if promise.last_day < self.today:
            return "expired"
        if paid > offer.price_cents:
            return "bad_input:paid_cents"
        if tail is None and not offer.by_code:
            return "bad_input:number"
        promise.state = "redeemed"
        self.pots[promise.pot].move(RESERVED, IN_DELIVERY, offer.quantity)
        self.till[branch] += paid
        self.orders.append(Order(number, tail or "", offer.by_code))
        return "accepted"

    def work(self, number: int) -> None:
        """A worker comes to an order, late enough for it to be due."""
        order = self.orders[number]
        if order.state != "open":
            return
        if order.by_code:
            stocked = [lot for lot in self.lots if lot.accounts[AVAILABLE]]
            if stocked:
                stocked[0].move(AVAILABLE, DELIVERED, 1)
                order.state = "held"
            return
        fate = FATES[order.tail]
        word = fate[min(order.steps, len(fate) - 1)]
        order.steps += 1
        if word != "open":
            self._settle(order, word)

    def _settle(self, order: Order, word: str) -> None:
        promise = self.promises[order.promise]
        back = word == "given_back"
        self.pots[promise.pot].move(IN_DELIVERY, RESERVED if back else DELIVERED, OFFERS[promise.offer].quantity)
        order.state = word
        if back:
            promise.state = "issued"

    def reveal(self, number: int, *, with_reason: bool) -> str:
        """Show an order's code: the first time settles it, each further time needs a reason."""
        order = self.orders[number]
        if not order.by_code or order.state == "open":
            return "not_found"
        if order.state == "held":
            self._settle(order, "delivered")
            return "first"
        return "again" if with_reason else "reason_needed"

    def import_lot(self, count: int) -> None:
        """A lot of codes comes in."""
        self.lots.append(Pot("piece", date.max, Counter({DONOR: -count, AVAILABLE: count})))

    def return_to_donor(self, number: int, quantity: int) -> str:
        """Part of a gift goes back."""
        pot = self.pots[number]
        if pot.accounts[AVAILABLE] < quantity:
            return "allocation_exhausted"
        pot.move(AVAILABLE, RETURNED, quantity)
        return "ok"
