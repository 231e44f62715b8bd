"""Where everything is put together: the only file that knows every package. Importing opens no database."""

from __future__ import annotations

import atexit
import sys

from flask import Flask

from admin.blueprint import blueprint as admin
from integrations import build_providers
from integrations.kinds import build_kinds
from integrations.messages import build_gateways
from integrations.webhooks import HttpSender
from voucher_service.app import create_app
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.fulfilment.routes import Routes
from voucher_service.fulfilment.worker import EmbeddedWorker
from voucher_service.messages.worker import MessageWorker, Messenger
from voucher_service.reconciliation.balances.compare import follow_balances
from voucher_service.reconciliation.breaks import follow_late, open_late
from voucher_service.reconciliation.grace import follow_awaited
from voucher_service.reconciliation.numbers import forget_numbers
from voucher_service.services import Services
from voucher_service.settings import BadSettings, Settings
from voucher_service.tasks import create_celery, nudger
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.web.api.routes import blueprint as api
from voucher_service.web.beneficiary.views import blueprint as beneficiary
from voucher_service.web.callbacks.views import blueprint as callbacks
from voucher_service.web.counter.api import blueprint as counter_api
from voucher_service.web.counter.articles import blueprint as counter_articles
from voucher_service.web.counter.kept import blueprint as counter_kept
from voucher_service.web.counter.offline import blueprint as counter_offline
from voucher_service.web.counter.pages import blueprint as counter
from voucher_service.web.counter.paper import blueprint as counter_paper
from voucher_service.web.counter.parcels import blueprint as counter_parcels
from voucher_service.web.counter.receipts import blueprint as counter_receipts
from voucher_service.web.counter.visits import blueprint as counter_visits
from voucher_service.web.ledger.views import blueprint as ledger
from voucher_service.web.metrics.views import blueprint as metrics
from voucher_service.web.partner.balances import blueprint as partner_balances
from voucher_service.web.partner.books import blueprint as partner_books
from voucher_service.web.partner.breaks import blueprint as partner_breaks
from voucher_service.web.partner.closing import blueprint as partner_closing
from voucher_service.web.partner.hooks import blueprint as partner_hooks
from voucher_service.web.partner.intake import blueprint as partner_intake
from voucher_service.web.partner.keys import blueprint as partner_keys
from voucher_service.web.partner.views import blueprint as partner
from voucher_service.web.session.views import blueprint as session
from voucher_service.webhooks.courier import Courier


def build(settings: Settings) -> Services:
    """Return what a process holds."""
    vault, database = Vault(settings.load_master_key), Database(settings.database)
    kinds = build_kinds(private_addresses=settings.private_partners)
    return Services(
        settings=settings,
        database=database,
        vault=vault,
        ring=KeyRing(vault, settings.organisation),
        providers=Routes(build_providers(settings), kinds, database, vault, public_url=settings.public_url),
        kinds=kinds,
        gateways=build_gateways(),
        sender=HttpSender(private=settings.private_partners),
    )


def create(settings: Settings) -> Flask:
    """Return the application with all its doors."""
    desk = [counter_offline, counter_paper, counter_receipts, counter_visits, counter_articles, counter_parcels]
    counters = [counter, counter_api, counter_kept, *desk]
    people = [session, admin, *counters, beneficiary, partner, partner_books, partner_breaks, partner_closing]
    doors = [*people, partner_balances, partner_intake, partner_keys, partner_hooks, api, ledger, callbacks, metrics]
    return create_app(build(settings), doors)


def serving() -> Flask:
    """Return the application of one web process: with a broker it hints, else it delivers."""
    services.settings.load_master_key()  # refuse to serve without it
    app.extensions["batch_runner"].kick()  # a batch that a stop interrupted goes on
    if services.settings.redis_url:
        app.extensions["nudge"] = nudger(celery=celery)
    elif services.settings.deliver_in_web:
        start_worker()
    return app


def start_worker() -> None:
    """Deliver from a thread of this process."""
    worker = EmbeddedWorker(
        services.database,
        services.providers,
        services.vault,
        sealing=services.seal,
        late=open_late,
        hourly=(follow_late, follow_awaited, follow_balances, forget_numbers),
    )
    worker.start()
    atexit.register(worker.stop)
    messages = MessageWorker(Messenger(services.database, services.gateways, services.vault))
    messages.start()
    atexit.register(messages.stop)
    courier = Courier(services.database, services.sender, services.vault)
    webhooks = MessageWorker(courier, name="courier")
    webhooks.start()
    atexit.register(webhooks.stop)
    app.extensions["nudge"] = nudger(worker=worker)


try:
    app = create(Settings.from_env())
except BadSettings as error:
    sys.exit(str(error))
services: Services = app.extensions["services"]
celery = create_celery(services)
