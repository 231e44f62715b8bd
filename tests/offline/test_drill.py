"""Three hundred small weeks without a fault, and each planted mistake found by the same checks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from tests.offline.drill import Books, Chain, Server
from tests.offline.weeks import drill
from voucher_service.visits.offline.rules import Decision, Neighbours, Reason
from voucher_service.visits.offline.wire import Entry

SEEDS = 300


class _DropsByNumber(Server):
    """Takes an entry with a number it knows for a duplicate."""

    def receive(self, entry: Entry) -> Decision:
        known = self.chains[entry.device_id].placed.get(entry.seq)
        return known[1] if known else super().receive(entry)


class _LeaseNotCounted(Server):
    """Moves the window on from what the device says it made, not from what has arrived."""

    def renew(self, device: UUID, head: int, now: datetime, fresh: UUID) -> UUID | None:
        kept = self.chains[device].placed
        first = next(iter(kept.values()), None)
        if first is not None:
            self.chains[device].placed = {seq: kept.get(seq, first) for seq in range(1, head + 1)}
        granted = super().renew(device, head, now, fresh)
        self.chains[device].placed = kept
        return granted


class _LateLoses(Books):
    def redeem(self, entry: Entry) -> Reason | None:
        late = entry.seq < max(self.chain.placed, default=0)
        return Reason.USED if late else super().redeem(entry)


class _ClonesAccepted(Books):
    def neighbours(self, entry: Entry) -> Neighbours:  # noqa: ARG002  # as in Books
        return Neighbours(taken=False, before=None, named_by_next=None)


class _TwiceRedeemed(Books):
    def redeem(self, entry: Entry) -> Reason | None:
        super().redeem(entry)
        return None


class _OrderDecides(Server):
    def books(self, chain: Chain) -> Books:
        return _LateLoses(self, chain)


class _CloneBelieved(Server):
    def books(self, chain: Chain) -> Books:
        return _ClonesAccepted(self, chain)


class _SpendsTwice(Server):
    def books(self, chain: Chain) -> Books:
        return _TwiceRedeemed(self, chain)


def test_small_weeks_end_well_in_any_order() -> None:
    made = cloned = lost = 0
    for seed in range(SEEDS):
        week = drill(seed, devices=4, redemptions=30)
        assert week.faults == []
        made, cloned, lost = made + len(week.made), cloned + len(week.cloned), lost + len(week.lost)
    assert made > 30 * SEEDS, "a drill in which nobody accepts shows nothing"
    assert cloned > SEEDS / 3
    assert lost > SEEDS / 10


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (_DropsByNumber, "was dropped"),
        (_LeaseNotCounted, "untold"),
        (_OrderDecides, "another order"),
        (_CloneBelieved, "believed 2 times"),
        (_SpendsTwice, "redeemed 2 times"),
    ],
)
def test_a_planted_mistake_is_found(kind: type[Server], said: str) -> None:
    found: list[str] = []
    for seed in range(20):
        found += drill(seed, devices=4, redemptions=250, kind=kind).faults
        if any(said in fault for fault in found):
            return
    pytest.fail(f"{kind.__name__} went unnoticed: {found[:3]}")
