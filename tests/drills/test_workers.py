"""A share of the drill with killed workers, and a worker that is asked to end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.drills.http_partner import partner_server
from tests.drills.workers import Worker, make_orders, run
from tests.flows.delivery.test_worker import until
from tests.programme import Programme
from tests.servers import valkey
from voucher_service.fulfilment.models import Order, OrderState


@pytest.mark.postgresql
def test_killed_workers_and_a_killed_broker_lose_and_double_nothing(
    busy_programme: Programme, postgres_url: str, tmp_path: Path
) -> None:
    orders = make_orders(busy_programme, 40)
    tally = run(busy_programme, postgres_url, orders, tmp_path, every=4, lease=3, mode="takes all")
    assert tally.wrong == []
    assert tally.kills > 0
    assert tally.requests >= 40


@pytest.mark.postgresql
def test_a_worker_asked_to_end_finishes_what_it_has_in_hand(
    busy_programme: Programme, postgres_url: str, tmp_path: Path
) -> None:
    (order_id,) = make_orders(busy_programme, 1)

    def state() -> str:
        with busy_programme.database.read() as session:
            return session.get_one(Order, order_id).state

    with valkey(own=True) as broker, partner_server(tmp_path / "journal.db", "slow") as port:
        environment = os.environ | {
            "DATABASE_URL": postgres_url, "REDIS_URL": broker.url, "DRILL_PORT": str(port),
            "DRILL_FOLDER": str(tmp_path), "C_FORCE_ROOT": "1",
        }  # fmt: skip
        worker = Worker(environment, tmp_path, 0)
        try:
            assert until(lambda: state() == OrderState.SENDING, seconds=60)
            assert worker.end() == 0
        finally:
            if worker.process.poll() is None:
                worker.kill()
    assert state() == OrderState.DELIVERED
