"""Batches on both databases: two people, terms raised in between, and a runner that goes on where it stopped."""

from __future__ import annotations

import io

import pytest
from sqlalchemy import func, select

from tests.programme import Programme, add_gift
from voucher_service.errors import Conflict, SecondPersonNeeded
from voucher_service.ids import local_day, new_id
from voucher_service.partners import policies
from voucher_service.units import Unit
from voucher_service.vouchers import batches, printing
from voucher_service.vouchers.batch_runner import BatchRunner, issue_ready
from voucher_service.vouchers.models import Batch, BatchState, Voucher
from voucher_service.vouchers.sheets import Layout


def ask(programme: Programme, quantity: int, actor: str = "staff:awa") -> Batch:
    """Ask for a batch of vouchers of 5 euros."""
    return programme.database.run(
        batches.propose_batch,
        batch_id=new_id(),
        label="Maraude",
        campaign_id=programme.campaign_id,
        offer_id=programme.top_up_id,
        branch_id=None,
        quantity=quantity,
        actor=actor,
        now=programme.now,
    )


def threshold(programme: Programme, cents: int) -> None:
    """Let one person decide up to `cents`, from today on."""
    today = local_day(programme.now)
    programme.database.run(
        policies.set_threshold, unit=Unit.EUR_CENT, effective_from=today, quantity=cents, today=today
    )


def at(programme: Programme, batch: Batch) -> Batch:
    """Return the batch as it stands."""
    with programme.database.read() as session:
        return batches.fresh(session, batch.id)


def test_only_someone_else_agrees_and_only_once(programme: Programme) -> None:
    batch = ask(programme, 3)  # no threshold: always two
    assert batch.state == BatchState.PENDING.value
    with pytest.raises(SecondPersonNeeded):
        programme.database.run(batches.approve_batch, batch.id, "staff:awa", programme.now)
    assert issue_ready(programme.database, programme.ring, lambda: programme.now) == 0
    for _twice in range(2):
        programme.database.run(batches.approve_batch, batch.id, "staff:marc", programme.now)
    with pytest.raises(Conflict, match="déjà reçu un accord"):
        programme.database.run(batches.decline_batch, batch.id, "staff:awa", programme.now)
    assert issue_ready(programme.database, programme.ring, lambda: programme.now) == 3
    assert at(programme, batch).state == BatchState.ISSUED.value
    assert programme.findings() == []


def test_terms_raised_before_the_issue_bring_the_second_person_back(programme: Programme) -> None:
    threshold(programme, 2_000)
    batch = ask(programme, 4)
    assert batch.state == BatchState.READY.value
    programme.later(days=1)
    day = local_day(programme.now)
    programme.database.run(
        policies.set_terms,
        offer_id=programme.top_up_id,
        effective_from=day,
        quantity=5_000,
        face_value_cents=5_000,
        price_cents=0,
        validity_days=30,
        today=day,
    )
    assert issue_ready(programme.database, programme.ring, lambda: programme.now) == 0
    assert at(programme, batch).state == BatchState.PENDING.value
    with pytest.raises(SecondPersonNeeded):
        programme.database.run(batches.approve_batch, batch.id, "staff:awa", programme.now)


def test_what_was_asked_for_in_a_day_is_added_up(programme: Programme) -> None:
    threshold(programme, 2_000)
    assert ask(programme, 2).state == BatchState.READY.value
    assert ask(programme, 3).state == BatchState.PENDING.value
    assert ask(programme, 3, actor="staff:marc").state == BatchState.READY.value
    programme.later(hours=25)
    assert ask(programme, 4).state == BatchState.READY.value


def test_a_batch_that_stops_says_why_and_goes_on(programme: Programme) -> None:
    threshold(programme, 10_000_000)
    batch = ask(programme, 201)  # the gift pays 200
    runner = BatchRunner(programme.database, programme.ring, lambda: programme.now)
    runner.kick()
    assert runner.wait(30)
    stopped = at(programme, batch)
    assert stopped.issued_count == 0
    assert "suffisent pour 200 bons" in (stopped.stopped_because or "")
    runner.kick()  # a stopped batch is left alone until a person says so
    assert runner.wait(30)
    assert at(programme, batch).issued_count == 0
    from_another_gift(programme)
    programme.database.run(batches.note_stop, batch.id, None)
    runner.kick()
    assert runner.wait(30)
    assert at(programme, batch).state == BatchState.ISSUED.value
    with programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Voucher)) == 201
    assert programme.findings() == []


def from_another_gift(programme: Programme) -> None:
    """Add a gift of 5 euros."""
    with programme.database.begin() as session:
        add_gift(session, programme.partner_id, 500)


def test_two_runners_issue_no_more_than_was_asked(busy_programme: Programme) -> None:
    programme = busy_programme
    threshold(programme, 10_000_000)
    batch = ask(programme, 150)
    runners = [BatchRunner(programme.database, programme.ring, lambda: programme.now) for _ in range(4)]
    for runner in runners:
        runner.kick()
    assert all(runner.wait(30) for runner in runners)
    assert at(programme, batch).issued_count == 150
    with programme.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Voucher)) == 150
    assert programme.findings() == []


def test_a_batch_is_printed_on_both_databases(programme: Programme) -> None:
    batch = ask(programme, 3)
    programme.database.run(batches.approve_batch, batch.id, "staff:marc", programme.now)
    issue_ready(programme.database, programme.ring, lambda: programme.now)
    table, sheet = io.BytesIO(), io.BytesIO()
    with programme.database.read() as session:
        assert printing.write_csv(session, programme.ring, batch.id, 1, table) == 3
        assert printing.write_sheet(session, programme.ring, batch.id, 1, Layout.LABELS, sheet) == 3
    assert table.getvalue().decode("utf-8-sig").count("\n") == 4
    assert sheet.getvalue().startswith(b"%PDF")
