"""A worker's composition root for the tests: services from the environment, the sandbox partner beside."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

from integrations import build_providers
from tests.programme import MASTER
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.services import Services
from voucher_service.settings import Settings
from voucher_service.tasks import create_celery
from voucher_service.vouchers.key_ring import KeyRing


def build(database_url: str, redis_url: str, folder: Path) -> Celery:
    """Return the application that the worker process and the test share."""
    settings = Settings(database_url=database_url, redis_url=redis_url, data_dir=folder)
    vault = Vault(MASTER)
    database, ring = Database(settings.database), KeyRing(vault, settings.organisation)
    return create_celery(Services(settings, database, vault, ring, build_providers(settings)))


if "DELIVERY_TEST_FOLDER" in os.environ:
    celery = build(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], Path(os.environ["DELIVERY_TEST_FOLDER"]))
