"""A Celery worker of the drill: services from the environment, the drill's partner over HTTP."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from celery import Celery

from tests.drills.http_partner import HttpPartner
from tests.programme import MASTER
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.fulfilment import claim, schedule
from voucher_service.services import Services
from voucher_service.settings import Settings
from voucher_service.tasks import create_celery
from voucher_service.vouchers.key_ring import KeyRing


def build(database_url: str, redis_url: str, port: int, folder: Path) -> Celery:
    """Return the application that the workers and the drill share."""
    settings = Settings(database_url=database_url, redis_url=redis_url, data_dir=folder)
    vault, database = Vault(MASTER), Database(settings.database)
    ring = KeyRing(vault, settings.organisation)
    return create_celery(Services(settings, database, vault, ring, {"sandbox": HttpPartner(port)}))


def hurry(factor: float) -> None:
    """Let the waits between two questions pass so many times faster: they stand in minutes and hours."""
    for name in ("QUERY_WAITS", "SEND_WAITS"):
        setattr(schedule, name, tuple(wait / factor for wait in getattr(schedule, name)))
    for name in ("QUERY_LATER", "SEND_LATER"):
        setattr(schedule, name, getattr(schedule, name) / factor)


if "DRILL_PORT" in os.environ:
    hurry(float(os.environ.get("DRILL_FASTER", "1")))
    if "DRILL_LEASE" in os.environ:  # the share in the tests does not wait as long for a dead worker
        setattr(claim, "LEASE_MARGIN", timedelta(seconds=float(os.environ["DRILL_LEASE"])))  # noqa: B010  # not its own name
    celery = build(
        os.environ["DATABASE_URL"],
        os.environ["REDIS_URL"],
        int(os.environ["DRILL_PORT"]),
        Path(os.environ["DRILL_FOLDER"]),
    )
