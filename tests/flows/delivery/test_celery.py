"""A real worker process on a real Valkey: emptying it between the hint and the work loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from integrations.sandbox import SandboxPartner
from tests.flows.delivery.celery_app import build
from tests.flows.delivery.desk import Desk
from tests.flows.delivery.test_worker import until
from tests.servers import valkey
from voucher_service.fulfilment.models import OrderState
from voucher_service.ids import utc_now
from voucher_service.tasks import nudger

ROOT = Path(__file__).parents[3]


@contextmanager
def worker_process(database_url: str, redis_url: str, folder: Path) -> Iterator[None]:
    """A Celery worker with its clock for the sweep."""
    command = [
        sys.executable, "-m", "celery", "-A", "tests.flows.delivery.celery_app:celery", "worker",
        "--beat", "--schedule", str(folder / "beat"), "--concurrency", "1", "--loglevel", "WARNING",
    ]  # fmt: skip
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DELIVERY_TEST_FOLDER": str(folder),
        "C_FORCE_ROOT": "1",
    }
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


@pytest.mark.postgresql
def test_emptying_the_broker_between_hint_and_work_loses_nothing(
    busy_desk: Desk, postgres_url: str, tmp_path: Path
) -> None:
    desk = busy_desk
    desk.programme.now = utc_now()
    partner = SandboxPartner(tmp_path / "sandbox-partner.db")

    def delivered(orders: list[object]) -> bool:
        return all(desk.row(order).state == OrderState.DELIVERED for order in orders)  # type: ignore[arg-type]

    with valkey(own=True) as server:
        nudge = nudger(celery=build(postgres_url, server.url, tmp_path))
        lost = [desk.order("999") for _ in range(5)]
        for order_id in lost:
            nudge(order_id)
        with redis.Redis.from_url(server.url) as client:
            assert client.llen("celery") == 5, "the hints were given"
            client.flushall()
            assert client.dbsize() == 0
            with worker_process(postgres_url, server.url, tmp_path):
                assert until(lambda: delivered(list(lost)), seconds=60), (tmp_path / "worker.log").read_text()
                client.flushall()
                hinted = desk.order("101")
                nudge(hinted)
                assert until(lambda: delivered([hinted]), seconds=30), (tmp_path / "worker.log").read_text()
    assert sum(line.quantity for line in partner.movements()) == 6 * 500
    assert all(len(desk.attempts(order_id)) == 1 for order_id in [*lost, hinted])
    assert desk.programme.findings() == []
