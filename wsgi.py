"""Where everything is put together: the only file that knows every package. Importing opens no database."""

from __future__ import annotations

import sys

from flask import Flask

from admin.blueprint import blueprint as admin
from voucher_service.app import create_app
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.services import Services
from voucher_service.settings import BadSettings, Settings
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.web.session.views import blueprint as session


def create(settings: Settings) -> Flask:
    """Return the application with all its doors."""
    vault = Vault(settings.load_master_key)
    services = Services(
        settings=settings,
        database=Database(settings.database),
        vault=vault,
        ring=KeyRing(vault, settings.organisation),
        providers={},
    )
    return create_app(services, [session, admin])


def serving() -> Flask:
    """Return the application of one web process, its own worker started when there is no broker."""
    app.extensions["services"].settings.load_master_key()  # refuse to serve without it
    return app


try:
    app = create(Settings.from_env())
except BadSettings as error:
    sys.exit(str(error))
