"""A redemption taken back at the counter: whole, once, by whom had scanned, and only while nothing can have left."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from tests.programme import Programme
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.fulfilment.claim import Claim, claim
from voucher_service.fulfilment.models import (
    Attempt,
    AttemptKind,
    AttemptOutcome,
    Order,
    OrderState,
)
from voucher_service.fulfilment.settle import found_delivered
from voucher_service.fulfilment.words import Progress, status_words
from voucher_service.ids import local_day, new_id
from voucher_service.impact.figures import dashboard
from voucher_service.impact.story import Step, story
from voucher_service.ledger.balances import balances
from voucher_service.ledger.models import AccountKind, Transfer
from voucher_service.staff.models import Role
from voucher_service.visits.erasure import erase_person
from voucher_service.visits.models import Visit, VisitUndo
from voucher_service.visits.outcomes import Outcome
from voucher_service.visits.redeem import Recorded
from voucher_service.visits.undo import undo
from voucher_service.vouchers.models import Voucher, VoucherState

LEASES = {"sandbox": timedelta(seconds=10)}


def take_back(
    programme: Programme, scan_id: UUID, *, reason: str = "mauvais numéro", by: Role = Role.COUNTER
) -> VisitUndo:
    """Undo the scan, as the door does."""
    staff_id = programme.member(by).id
    return programme.database.run(undo, scan_id=scan_id, staff_id=staff_id, reason=reason, now=programme.now)


def redeemed(programme: Programme, *, person_id: UUID | None = None) -> tuple[Voucher, Recorded]:
    """A top-up just redeemed, its price of two euros paid."""
    voucher = programme.issue(person_id=person_id)
    return voucher, programme.scan(programme.digits(voucher), paid_cents=200)


def order_of(programme: Programme, recorded: Recorded) -> Order:
    """The order as it stands."""
    with programme.database.read() as session:
        return session.get_one(Order, recorded.order_id)


def held(programme: Programme, book: int) -> dict[AccountKind, int]:
    """The balances of a book that are not zero."""
    with programme.database.read() as session:
        return {kind: left for kind, left in balances(session, book).items() if left}


def refused(programme: Programme, scan_id: UUID) -> str:
    """The code with which undoing is refused; nothing has moved."""
    with programme.database.read() as session:
        before = session.scalar(select(func.count()).select_from(Transfer))
    with pytest.raises(Conflict) as told:
        take_back(programme, scan_id)
    with programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Transfer)) == before
        assert session.scalar(select(func.count()).select_from(VisitUndo)) == 0
    assert programme.findings() == []
    return told.value.code


def test_value_and_price_go_back_and_the_voucher_lives_again(programme: Programme) -> None:
    voucher, recorded = redeemed(programme)
    programme.later(minutes=10)
    done = take_back(programme, recorded.scan_id)
    assert (done.visit_id, done.reason) == (recorded.visit_id, "mauvais numéro")
    assert held(programme, programme.allocation_id) == {
        AccountKind.DONOR: -100_000, AccountKind.AVAILABLE: 99_500, AccountKind.RESERVED: 500,
    }  # fmt: skip
    assert held(programme, programme.branches[0].till_book_id) == {}
    with programme.database.read() as session:
        refund = session.get_one(Transfer, done.refund_id)
        price = session.scalars(select(Transfer).where(Transfer.reason == "price_paid")).one()
        visit = session.get_one(Visit, recorded.visit_id)
    assert (refund.corrects_id, refund.reason, refund.quantity) == (price.id, "price_returned", 200)
    assert visit.paid_cents == 200, "the visit stays as it was"
    assert status_words(order_of(programme, recorded)).word is Progress.UNDONE
    assert programme.deliver() == 0, "nothing is left to deliver"
    again = programme.scan(programme.digits(voucher), paid_cents=200)
    assert again.outcome is Outcome.ACCEPTED
    assert programme.deliver() == 1
    assert programme.findings() == []


def test_undone_again_and_sent_again_get_their_first_answers(programme: Programme) -> None:
    voucher, recorded = redeemed(programme)
    first = take_back(programme, recorded.scan_id)
    programme.later(hours=1)
    again = take_back(programme, recorded.scan_id, reason="autre raison")
    assert (again.visit_id, again.reason, again.undone_at) == (first.visit_id, first.reason, first.undone_at)
    replay = programme.scan(programme.digits(voucher), scan_id=recorded.scan_id, paid_cents=200)
    assert replay == recorded
    assert replay.replayed
    assert programme.findings() == []


def test_only_who_scanned_within_ten_minutes_and_with_a_reason(programme: Programme) -> None:
    _, recorded = redeemed(programme)
    for stranger in (Role.COORDINATOR, Role.VOLUNTEER):
        with pytest.raises(NotFound):
            take_back(programme, recorded.scan_id, by=stranger)
    with pytest.raises(NotFound):
        take_back(programme, new_id())
    for reason in ("", " x ", "x" * 201):
        with pytest.raises(BadInput):
            take_back(programme, recorded.scan_id, reason=reason)
    programme.later(minutes=10, seconds=1)
    assert refused(programme, recorded.scan_id) == "undo_too_late"


def test_a_refused_scan_has_nothing_to_undo(programme: Programme) -> None:
    voucher, _ = redeemed(programme)
    assert refused(programme, programme.scan(programme.digits(voucher)).scan_id) == "nothing_to_undo"


def claimed(programme: Programme, recorded: Recorded) -> Claim | None:
    """The deliverer takes the order in hand, if it is due."""
    return programme.database.run(claim, programme.now, LEASES, order_id=recorded.order_id)


def test_what_may_have_left_is_not_undone(programme: Programme) -> None:
    _, recorded = redeemed(programme)
    assert claimed(programme, recorded)
    assert refused(programme, recorded.scan_id) == "undo_sent"
    _, delivered = redeemed(programme)
    programme.deliver()
    assert order_of(programme, delivered).state == OrderState.DELIVERED
    assert refused(programme, delivered.scan_id) == "undo_sent"


@pytest.mark.parametrize("outcome", list(AttemptOutcome))
def test_a_waiting_order_is_undone_only_if_no_attempt_left(programme: Programme, outcome: AttemptOutcome) -> None:
    _, recorded = redeemed(programme)
    with programme.database.begin() as session:
        session.execute(update(Order).where(Order.id == recorded.order_id).values(tries=1))
        session.add(
            Attempt(
                id=new_id(), order_id=recorded.order_id, number=1, kind=AttemptKind.SUBMIT.value, our_ref="r",
                request_hash=bytes(32), started_at=programme.now, deadline_at=programme.now,
                ended_at=programme.now, outcome=outcome.value,
            )
        )  # fmt: skip
    stayed = {AttemptOutcome.NOT_SENT, AttemptOutcome.INTERNAL, AttemptOutcome.STOCK_EMPTY, AttemptOutcome.HELD}
    if outcome in stayed:
        assert take_back(programme, recorded.scan_id).order_id == recorded.order_id
    else:
        assert refused(programme, recorded.scan_id) == "undo_sent"


def test_past_its_last_day_the_value_goes_back_to_the_gift(programme: Programme) -> None:
    voucher, recorded = redeemed(programme)
    with programme.database.begin() as session:
        yesterday = local_day(programme.now) - timedelta(days=1)
        session.execute(update(Voucher).where(Voucher.id == voucher.id).values(last_day=yesterday))
    take_back(programme, recorded.scan_id)
    assert held(programme, programme.allocation_id) == {AccountKind.DONOR: -100_000, AccountKind.AVAILABLE: 100_000}
    with programme.database.read() as session:
        assert session.get_one(Voucher, voucher.id).state == VoucherState.EXPIRED
    assert programme.findings() == []


def test_an_undone_visit_counts_as_nothing_and_is_told_in_the_story(programme: Programme) -> None:
    person = programme.person()
    voucher, recorded = redeemed(programme, person_id=person)
    with programme.database.read() as session:
        assert dashboard(session, programme.now).this_month.visits == 1
    take_back(programme, recorded.scan_id)
    with programme.database.read() as session:
        month = dashboard(session, programme.now).this_month
        assert (month.people, month.visits, month.top_ups) == (0, 0, 0)
        told = [(event.step, event.detail) for event in story(session, session.get_one(Voucher, voucher.id))]
    assert (Step.UNDONE, "mauvais numéro") in told
    assert not {Step.GIVEN_BACK, Step.DELIVERED} & {step for step, _ in told}
    programme.database.run(erase_person, person, now=programme.now)
    with programme.database.read() as session:
        assert session.scalars(select(VisitUndo.reason)).all() == [None]
    assert programme.findings() == []


def test_a_delivery_the_partner_tells_of_after_all_is_people_s(programme: Programme) -> None:
    _, recorded = redeemed(programme)
    take_back(programme, recorded.scan_id)
    assert recorded.order_id
    state = programme.database.run(
        found_delivered, recorded.order_id, partner_ref="P1", actor="statement", occurred_at=programme.now,
        now=programme.now,
    )  # fmt: skip
    assert state is OrderState.MANUAL
    assert programme.findings() == []
