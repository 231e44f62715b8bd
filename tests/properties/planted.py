"""Bugs planted in the service, each of which a test must find. The table is at the end.

A bug changes the service itself (a function, a statement, a constraint), as a careless change would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import Uuid, text
from sqlalchemy import update as real_update

from tests.programme import Programme
from voucher_service.errors import Conflict
from voucher_service.fulfilment import decide, settle, stock
from voucher_service.fulfilment.models import OrderState
from voucher_service.ids import local_day, new_id
from voucher_service.ledger import post as posting
from voucher_service.ledger.models import Reason
from voucher_service.partners import draw_down
from voucher_service.partners.models import Allocation
from voucher_service.prepared import Prepared
from voucher_service.visits import hot_path
from voucher_service.visits import redeem as redeeming
from voucher_service.visits.models import Visit, VisitKind
from voucher_service.vouchers import issue, life
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher, VoucherState

Plant = Callable[[Programme, ExitStack], None]


@dataclass(frozen=True)
class Bug:
    """`found_by`: "life" for the random lives, else the name of a race. `on` says which database it needs."""

    name: str
    plant: Plant
    found_by: str = "life"
    on: str = "sqlite"


@contextmanager
def planted(bug: Bug, programme: Programme) -> Iterator[None]:
    """The service with the bug in it."""
    with ExitStack() as stack:
        bug.plant(programme, stack)
        yield


def _sql(programme: Programme, *statements: str) -> None:
    with programme.database.begin() as session:
        for statement in statements:
            session.execute(text(statement))


class _First:
    """An UPDATE that keeps only the first condition it is given: the one that names the row."""

    def __init__(self, table: Any) -> None:
        self._update = real_update(table)

    def where(self, first: Any, *_rest: Any) -> Any:
        """Forget the rest."""
        return self._update.where(first)


def _rebuild_redemption(stack: ExitStack, *, without: str = "") -> None:
    """Make the redemption's statements again, less the conditions of the stamp that mention `without`."""

    def thin(statement: Any) -> Any:
        kept = [one for one in statement._where_criteria if not without or without not in str(one)]
        changed = statement._generate()
        changed._where_criteria = tuple(kept)
        return changed

    make = hot_path._stamp
    stack.enter_context(patch.object(hot_path, "_stamp", lambda which: thin(make(which))))
    signed, typed = hot_path._same_as_signed(), hot_path._typed()
    parts = {
        "signed": (Prepared(hot_path._as_one(signed)), hot_path._stamp(signed)),
        "typed": (Prepared(hot_path._as_one(typed)), hot_path._stamp(typed)),
    }
    stack.enter_context(patch.object(hot_path, "_STATEMENTS", parts))
    which = [Voucher.id == hot_path._given("voucher_id", Uuid)]
    facts = Voucher.__table__
    stack.enter_context(patch.object(hot_path, "_ONE_BY_ONE", hot_path._inserts(facts, facts.c, which)))


def _hold_off_by_one(_: Programme, stack: ExitStack) -> None:
    hold = hot_path._hold
    stack.enter_context(patch.object(hot_path, "_hold", lambda v: hold(v) | {"quantity": v.quantity - 1}))
    _rebuild_redemption(stack)


def _redeem_anything(programme: Programme, stack: ExitStack) -> None:
    _sql(
        programme,
        "ALTER TABLE top_up_order DROP CONSTRAINT uq_top_up_order_reservation_id",
        "DROP INDEX uq_transfer_resolves_id",
    )
    _rebuild_redemption(stack, without="state")


def _redeem_expired(_: Programme, stack: ExitStack) -> None:
    _rebuild_redemption(stack, without="last_day >=")


def _reposted(stack: ExitStack, module: Any, change: Callable[[posting.Entry], list[posting.Entry]]) -> None:
    """Let `module` post something else than it meant to."""
    real = posting.post

    def post(session: Any, entries: Any, **facts: Any) -> Any:
        return real(session, [other for entry in entries for other in change(entry)], **facts)[: len(entries)]

    stack.enter_context(patch.object(module, "post", post))


def _unresolved(_: Programme, stack: ExitStack) -> None:
    _reposted(
        stack, settle, lambda entry: [replace(entry, resolves=None) if entry.reason is Reason.GIVEN_BACK else entry]
    )


def _settled_twice(_: Programme, stack: ExitStack) -> None:
    _reposted(stack, settle, lambda entry: [entry, replace(entry, key=f"again:{entry.key}", resolves=None)])


def _code_not_booked(_: Programme, stack: ExitStack) -> None:
    _reposted(stack, stock, lambda _entry: [])


def _cancel_releases_twice(_: Programme, stack: ExitStack) -> None:
    real = posting.post

    def twice(session: Any, entries: Any, **facts: Any) -> Any:
        more = [replace(entry, key=f"again:{entry.key}", resolves=None) for entry in entries]
        cancelled = any(entry.reason is Reason.CANCELLED for entry in entries)
        return real(session, [*entries, *more] if cancelled else entries, **facts)

    stack.enter_context(patch.object(posting, "post", twice))


def _expire_a_day_early(_: Programme, stack: ExitStack) -> None:
    stack.enter_context(patch.object(life, "local_day", lambda now: local_day(now) + timedelta(days=1)))


def _ancestor_lives(_: Programme, stack: ExitStack) -> None:
    end = life._end

    def ended(session: Any, voucher_id: Any, state: VoucherState, *facts: Any) -> bool:
        return state is VoucherState.REPLACED or end(session, voucher_id, state, *facts)

    stack.enter_context(patch.object(life, "_end", ended))


def _refused_is_delivered(_: Programme, stack: ExitStack) -> None:
    def confirm(session: Any, at: Any, *, code: str, actor: str, occurred_at: Any, now: Any) -> bool:
        return settle.confirm(session, at, partner_ref=None, code=code, actor=actor, occurred_at=occurred_at, now=now)

    stack.enter_context(patch.object(settle, "give_back", confirm))


def _unknown_is_refused(_: Programme, stack: ExitStack) -> None:
    def refuse(_at: Any, _state: Any, code: Any, _can: Any, _now: Any) -> decide.Verdict:
        return decide.Verdict(state=OrderState.GIVEN_BACK, booking=decide.Booking.GIVE_BACK, code=code)

    stack.enter_context(patch.object(decide, "_wait", refuse))


def _replay_is_a_visit(_: Programme, stack: ExitStack) -> None:
    real = redeeming.stored

    def stored(session: Any, scan_id: Any, request_hash: bytes | None = None) -> Any:
        known = real(session, scan_id, request_hash)
        if known is not None and known.visit_id is not None:
            first = session.get_one(Visit, known.visit_id)
            session.add(
                Visit(
                    id=new_id(),
                    kind=VisitKind.FOLLOW_UP.value,
                    branch_id=first.branch_id,
                    staff_id=first.staff_id,
                    occurred_at=first.occurred_at,
                    recorded_at=first.recorded_at,
                    answers={},
                    paid_cents=0,
                )
            )
        return known

    stack.enter_context(patch.object(redeeming, "stored", stored))


def _scan_key_means_anything(_: Programme, stack: ExitStack) -> None:
    real = redeeming.stored
    stack.enter_context(patch.object(redeeming, "stored", lambda session, scan_id, _hash=None: real(session, scan_id)))


def _no_floor(programme: Programme, stack: ExitStack) -> None:
    _sql(programme, "ALTER TABLE floor_balance DROP CONSTRAINT ck_floor_balance_floor")
    choose = draw_down.choose

    def anyway(session: Any, **facts: Any) -> list[draw_down.Draw]:
        try:
            return choose(session, **facts)
        except Conflict:
            newest = session.query(Allocation.id).filter(Allocation.unit == facts["unit"].value)
            last_day: date = facts["last_day"]
            return [draw_down.Draw(newest.order_by(Allocation.id.desc()).first()[0], facts["count"], last_day)]

    stack.enter_context(patch.object(draw_down, "choose", anyway))
    stack.enter_context(patch.object(posting, "update", _First))


def _no_turn(_: Programme, stack: ExitStack) -> None:
    stack.enter_context(patch.object(KeyRing, "wait_turn", lambda _ring, _session: None))


def _cap_not_claimed(programme: Programme, stack: ExitStack) -> None:
    _no_turn(programme, stack)
    stack.enter_context(patch.object(issue, "update", _First))


BUGS = (
    Bug("the hold is one short of what was promised", _hold_off_by_one),
    Bug("a voucher is redeemed in any state, and no index stops it", _redeem_anything, on="postgresql"),
    Bug("a voucher is redeemed after its last day", _redeem_expired),
    Bug("giving back does not end the hold", _unresolved),
    Bug("a delivery is settled twice", _settled_twice),
    Bug("a code is given without leaving the lot's book", _code_not_booked),
    Bug("cancelling gives the value back twice", _cancel_releases_twice),
    Bug("vouchers expire on their last day, not after it", _expire_a_day_early),
    Bug("a reissue leaves its ancestor alive", _ancestor_lives),
    Bug("a refusal counts as delivered", _refused_is_delivered),
    Bug("an unknown outcome counts as refused", _unknown_is_refused),
    Bug("a replayed scan records another visit", _replay_is_a_visit),
    Bug("a scan's key answers whatever was asked under it", _scan_key_means_anything),
    Bug("issuing ignores the floor", _no_floor, on="postgresql"),
    Bug("two workers take the same chunk of a batch", _cap_not_claimed, found_by="batch", on="postgresql"),
    Bug("the cap is checked, not claimed", _cap_not_claimed, found_by="cap", on="postgresql"),
    Bug("who issues does not wait its turn (several gifts)", _no_turn, found_by="gifts", on="postgresql"),
    Bug("who reissues does not wait its turn", _no_turn, found_by="crossing", on="postgresql"),
)
