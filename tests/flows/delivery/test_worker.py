"""The embedded thread and the hints."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery

from tests.flows.delivery.desk import Desk
from voucher_service.fulfilment import worker as worker_module
from voucher_service.fulfilment.deliver import sweep
from voucher_service.fulfilment.models import OrderState
from voucher_service.fulfilment.providers import Ref
from voucher_service.fulfilment.worker import EmbeddedWorker
from voucher_service.ids import new_id
from voucher_service.services import Services
from voucher_service.settings import Settings
from voucher_service.tasks import DELIVER, create_celery, nudger


def until(true: Callable[[], bool], *, seconds: float = 20) -> bool:
    """Wait for it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return bool(true())


def made(desk: Desk, *, idle: float) -> EmbeddedWorker:
    """A worker of the desk."""
    programme = desk.programme
    return EmbeddedWorker(
        programme.database, desk.providers, programme.vault, now_fn=desk.now, idle=timedelta(seconds=idle)
    )


def test_the_thread_delivers_and_a_nudge_saves_the_wait(programme_on_sqlite: Desk) -> None:
    desk = programme_on_sqlite
    worker = made(desk, idle=300)
    nudge = nudger(worker=worker)
    first = desk.order("100")
    worker.start()
    worker.start()
    try:
        assert until(lambda: desk.row(first).state == OrderState.DELIVERED)
        time.sleep(0.3)  # the thread has gone to its long rest
        second = desk.order("100")
        nudge(second)
        assert until(lambda: desk.row(second).state == OrderState.DELIVERED)
    finally:
        assert worker.stop()
    assert desk.paid() == 1000


def test_the_thread_survives_what_makes_a_sweep_fail(
    programme_on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = programme_on_sqlite
    failures: list[int] = []

    def fails_twice(*args: object, **kwargs: object) -> int:
        if len(failures) < 2:
            failures.append(1)
            raise OSError("the disk went away")
        return sweep(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(worker_module, "sweep", fails_twice)
    order_id = desk.order("100")
    worker = made(desk, idle=0.01)
    worker.start()
    try:
        assert until(lambda: desk.row(order_id).state == OrderState.DELIVERED)
    finally:
        assert worker.stop()
    assert len(failures) == 2


def test_one_order_that_breaks_our_code_does_not_hold_up_the_others(
    programme_on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = programme_on_sqlite
    bad, good = desk.order("100"), desk.order("101")

    class Broken:
        capabilities = desk.line.capabilities

        def submit(self, top_up: object) -> object:
            answer = desk.line.submit(top_up)  # type: ignore[arg-type]  # passed on as it came
            # An answer that cannot be stored: the booking fails, not the call.
            return object() if getattr(top_up, "reference", None) == bad else answer

        def query(self, ref: Ref) -> object:
            return object() if ref.ours == bad else None

    desk.providers["sandbox"] = Broken()
    desk.settle()
    assert desk.row(good).state == OrderState.DELIVERED
    assert (desk.row(bad).state, desk.row(bad).outcome_code) == (OrderState.MANUAL, "internal_failures")


def test_a_broker_that_is_away_costs_a_hint_and_little_time(programme_on_sqlite: Desk, tmp_path: Path) -> None:
    desk = programme_on_sqlite
    settings = Settings(data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0")
    programme = desk.programme
    celery = create_celery(Services(settings, programme.database, programme.vault, programme.ring, desk.providers))
    assert isinstance(celery, Celery)
    nudge = nudger(celery=celery)
    begun = time.monotonic()
    nudge(new_id())
    assert time.monotonic() - begun < 5
    begun = time.monotonic()
    for _ in range(100):
        nudge(new_id())
    assert time.monotonic() - begun < 0.5, "while the broker is away no door waits for it again"
    assert DELIVER in celery.tasks
    assert celery.conf.accept_content == ["json"]
