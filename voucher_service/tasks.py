"""The Celery door. A message is only a hint that carries the id of an order, or of a webhook's delivery.

The rows are the outbox.

Losing every message, or the whole broker, costs latency: the sweep finds what is due in the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import structlog
from celery import Celery
from celery.signals import worker_process_init

from voucher_service.fulfilment.balance import ask_balances
from voucher_service.fulfilment.custody import expire_stock
from voucher_service.fulfilment.deliver import deliver_next
from voucher_service.fulfilment.deliver import sweep as sweep_outbox
from voucher_service.fulfilment.worker import EXPIRY_EVERY, SEAL_EVERY, SEAL_SWEEP_EVERY, EmbeddedWorker
from voucher_service.ids import utc_now
from voucher_service.messages.worker import take_turn
from voucher_service.partners.ending.calendar import turn as note_endings
from voucher_service.reconciliation.balances.compare import follow_balances
from voucher_service.reconciliation.breaks import follow_late, open_late
from voucher_service.reconciliation.grace import follow_awaited
from voucher_service.reconciliation.numbers import forget_numbers
from voucher_service.services import Services
from voucher_service.vouchers.life import expire_all
from voucher_service.webhooks.courier import Courier
from voucher_service.webhooks.outbox import prune

DELIVER = "coup_de_pouce.deliver"
SWEEP = "coup_de_pouce.sweep"
EXPIRE = "coup_de_pouce.expire"
BALANCES = "coup_de_pouce.balances"
MESSAGES = "coup_de_pouce.messages"
WEBHOOK = "coup_de_pouce.webhook"
WEBHOOKS = "coup_de_pouce.webhooks"
SEAL = "coup_de_pouce.seal"
SWEEP_SECONDS = 5.0
MESSAGES_SECONDS = 15.0
LISTEN_SECONDS = 2.0
"""How long a turn of the messenger hears receipts: a centre keeps what nobody is there to take."""

QUIET_SECONDS = 10.0
"""After a hint that could not be given, no other is tried for so long: a door must not wait for each."""

_TRANSPORT = {
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "socket_keepalive": True,
    "max_retries": 1,  # of one hint; a worker that waits for its broker has its own patience
    "interval_start": 0,
    "interval_step": 0.1,
}

Nudge = Callable[[UUID], None]
"""What a door calls after its commit, with the id of the order it wrote."""

_log = structlog.get_logger(__name__)


def create_celery(services: Services) -> Celery:
    """Return the Celery application of a deployment with REDIS_URL: JSON, ids only, no results kept."""
    celery = Celery("coup_de_pouce", broker=services.settings.redis_url, set_as_current=False)
    celery.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,  # a hint need not be given twice: the sweep comes anyway
        broker_connection_retry_on_startup=True,
        broker_transport_options=_TRANSPORT,
        worker_hijack_root_logger=False,
        beat_schedule={
            "sweep": {"task": SWEEP, "schedule": SWEEP_SECONDS, "options": {"expires": 2 * SWEEP_SECONDS}},
            "expire": {"task": EXPIRE, "schedule": EXPIRY_EVERY},
            "balances": {"task": BALANCES, "schedule": EXPIRY_EVERY},
            "messages": {
                "task": MESSAGES,
                "schedule": MESSAGES_SECONDS,
                "options": {"expires": 2 * MESSAGES_SECONDS},
            },
            "webhooks": {"task": WEBHOOKS, "schedule": SWEEP_SECONDS, "options": {"expires": 2 * SWEEP_SECONDS}},
            "seal": {"task": SEAL, "schedule": SEAL_EVERY, "args": [False]},
            "seal everything": {"task": SEAL, "schedule": SEAL_SWEEP_EVERY, "args": [True]},
        },
    )
    _register(celery, services)
    _register_telling(celery, services)
    if services.settings.redis_url:
        services.database.hint = _hinter(celery, WEBHOOK)
    return celery


def _register(celery: Celery, services: Services) -> None:
    work = (services.database, services.providers, services.vault, utc_now)

    @celery.task(name=DELIVER, shared=False)
    def deliver(order_id: str) -> None:
        deliver_next(*work, order_id=UUID(order_id), late=open_late)

    @celery.task(name=SWEEP, shared=False)
    def sweep() -> None:
        # Short, so that a worker asked to end (SIGTERM) ends after the order in hand and a few more.
        begun = time.monotonic()
        sweep_outbox(*work, stop=lambda: time.monotonic() - begun > SWEEP_SECONDS, late=open_late)

    @celery.task(name=BALANCES, shared=False)
    def balances() -> None:
        ask_balances(services.database, services.providers, utc_now)

    @celery.task(name=EXPIRE, shared=False)
    def expire() -> None:
        expire_all(services.database, utc_now)
        services.database.run(expire_stock, utc_now())
        for chore in (prune, note_endings, follow_late, follow_awaited, follow_balances, forget_numbers):
            services.database.run(chore, utc_now())

    @celery.task(name=SEAL, shared=False)
    def seal(sweep: bool) -> None:  # noqa: FBT001  # Celery sends arguments by place
        services.seal(utc_now(), sweep=sweep)

    @worker_process_init.connect(weak=False)
    def fresh_connections(**_signal: object) -> None:
        # A forked worker must not speak on its parent's connections.
        services.database.forget_connections()


def _register_telling(celery: Celery, services: Services) -> None:
    @celery.task(name=MESSAGES, shared=False)
    def messages() -> None:
        take_turn(services.database, services.gateways, services.vault, listen=LISTEN_SECONDS)

    @celery.task(name=WEBHOOK, shared=False)
    def webhook(delivery_id: str) -> None:
        Courier(services.database, services.sender, services.vault).turn(only=UUID(delivery_id))

    @celery.task(name=WEBHOOKS, shared=False)
    def webhooks() -> None:
        Courier(services.database, services.sender, services.vault).turn()


def nudger(*, celery: Celery | None = None, worker: EmbeddedWorker | None = None) -> Nudge:
    """Return what doors call after their commit: a hint on the broker, or a tap on the embedded thread."""
    hint = None if celery is None else _hinter(celery, DELIVER)

    def nudge(order_id: UUID) -> None:
        if worker is not None:
            worker.nudge()
        if hint is not None:
            hint(order_id)

    return nudge


def _hinter(celery: Celery, task: str) -> Nudge:
    """Return what gives a hint of a row to a task.

    It never raises and never waits long: a hint that cannot be given costs latency only.
    """
    quiet_until = 0.0

    def hint(row_id: UUID) -> None:
        nonlocal quiet_until
        if time.monotonic() >= quiet_until:
            try:
                celery.send_task(task, args=[str(row_id)], retry=False, expires=3600)
            except Exception as fault:  # whatever the broker's client raises: the sweep comes anyway
                quiet_until = time.monotonic() + QUIET_SECONDS
                _log.warning("hint_not_given", fault=type(fault).__name__)

    return hint
