"""Delivering: claim in one transaction, speak to the partner in none, book the answer in another.

A worker may die between any two steps. What it leaves behind is an attempt without an end and a lease that
runs out; whoever comes next asks the partner what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, SealBroken, Vault, unseal
from voucher_service.db import Database
from voucher_service.fulfilment.abilities import Confirms, Reverses
from voucher_service.fulfilment.claim import Claim, claim, has_due
from voucher_service.fulfilment.decide import Reply
from voucher_service.fulfilment.models import AttemptKind, AttemptOutcome
from voucher_service.fulfilment.outcome import Late, book, end_attempt, no_late, send_later
from voucher_service.fulfilment.providers import (
    FROM_STOCK,
    Answer,
    NotSent,
    Operator,
    Provider,
    Ref,
    TopUp,
    Unknown,
)
from voucher_service.fulfilment.schedule import until_query, until_send
from voucher_service.fulfilment.settle import move
from voucher_service.fulfilment.stock import hold

Clock = Callable[[], datetime]
Providers = Mapping[str, Provider]

_log = structlog.get_logger(__name__)


class CannotSend(Exception):
    """A fault of ours, found before the socket opened. `str(error)` is its stable code."""


def deliver_next(
    database: Database,
    providers: Providers,
    vault: Vault,
    now_fn: Clock,
    *,
    order_id: UUID | None = None,
    late: Late = no_late,
) -> bool:
    """Work on one due order (or on `order_id`, if due). False when there was nothing to do."""
    leases = {route: provider.capabilities.sync_limit for route, provider in providers.items()}
    with database.begin() as session:
        claimed = claim(session, now_fn(), leases, order_id=order_id)
    if claimed is None:
        return False
    provider = providers.get(claimed.route)
    if provider is not None and provider.capabilities.mode in FROM_STOCK:
        database.run(hold, claimed, now=now_fn())
        return True
    try:
        operator = _operator(provider)
        answer = _ask(operator, vault, claimed, now_fn)
    except CannotSend as fault:
        _log.warning("delivery_cannot_send", order=str(claimed.order_id), code=str(fault))
        database.run(_failed_here, claimed, str(fault), now=now_fn())
        return True
    database.run(book, vault, claimed, answer, capabilities=operator.capabilities, now=now_fn(), late=late)
    return True


def never() -> bool:
    """Say that there is no reason to stop."""
    return False


def sweep(
    database: Database,
    providers: Providers,
    vault: Vault,
    now_fn: Clock,
    *,
    limit: int = 1000,
    stop: Callable[[], bool] = never,
    late: Late = no_late,
) -> int:
    """Work until nothing is due, `limit` orders were worked on, or `stop` says so; return how many it were.

    `stop` is asked between two orders: the one in hand is always finished.

    One order that makes our own code fail does not keep the others waiting: its lease holds it back.

    Raises:
        Exception: what made five orders in a row fail, as the fault is then not theirs.
    """
    done = failures = 0
    while done < limit and not stop():
        with database.read() as session:
            due = has_due(session, now_fn())
        try:
            if not due or not deliver_next(database, providers, vault, now_fn, late=late):
                return done
            failures = 0
        except Exception:
            failures += 1
            _log.exception("delivery_failed")
            if failures == 5:
                raise
        done += 1
    return done


def _operator(provider: Provider | None) -> Operator:
    if not isinstance(provider, Operator):
        raise CannotSend("route_missing")
    return provider


def _ask(operator: Operator, vault: Vault, claimed: Claim, now_fn: Clock) -> Reply:
    if claimed.kind is AttemptKind.QUERY:
        if not operator.capabilities.can_be_asked:
            return Unknown("cannot_be_asked")
        return _call(lambda: operator.query(ref_of(claimed)))
    if claimed.kind is AttemptKind.REVERSE:
        if not isinstance(operator, Reverses):
            raise CannotSend("cannot_take_back")
        taker = operator
        return _call(lambda: taker.reverse(ref_of(claimed)))
    if claimed.kind is AttemptKind.CONFIRM:
        if not isinstance(operator, Confirms):
            raise CannotSend("cannot_confirm")
        confirmer = operator
        return _call(lambda: confirmer.confirm(ref_of(claimed)))
    top_up = _top_up(vault, claimed, needs_number=operator.capabilities.needs_number)
    if now_fn() >= claimed.deadline:
        # This worker slept through its lease: someone else may be asking about the order already.
        return NotSent("lease_passed")
    return _call(lambda: operator.submit(top_up))


def _call(call: Callable[[], Reply]) -> Reply:
    try:
        return call()
    except Exception as fault:  # whatever leaves an adapter means: nobody can tell
        _log.warning("partner_unclear", fault=type(fault).__name__)
        return unclear(fault)


def unclear(fault: Exception) -> Answer:
    """Return what an exception out of an adapter means: Unknown. A time-out is never a refusal."""
    return Unknown(type(fault).__name__)


def reference(claimed: Claim) -> UUID:
    """Return our reference at the partner: the same for every attempt, until it is reversed."""
    return claimed.reference


def ref_of(claimed: Claim) -> Ref:
    """Return what a partner is told when it is asked about the order."""
    return Ref(reference(claimed), claimed.partner_ref, claimed.history.first_sent)


def _top_up(vault: Vault, claimed: Claim, *, needs_number: bool) -> TopUp:
    return TopUp(
        reference=reference(claimed),
        number=_number(vault, claimed) if needs_number else None,
        product_code=claimed.product_code,
        quantity=claimed.quantity,
        unit=claimed.unit,
    )


def _number(vault: Vault, claimed: Claim) -> str:
    if claimed.wrapped_key is None or claimed.number_sealed is None:
        raise CannotSend("number_missing")
    try:
        return open_number(vault, claimed.order_id, claimed.wrapped_key, claimed.number_sealed)
    except SealBroken as fault:
        raise CannotSend("number_unreadable") from fault


def open_number(vault: Vault, order_id: UUID, wrapped_key: bytes, number_sealed: bytes) -> str:
    """Return the number an order goes to, in E.164. Raises SealBroken."""
    row = str(order_id)
    key = vault.open_key(Place("top_up_order", "wrapped_key", row), wrapped_key)
    return unseal(key, Place("top_up_order", "number", row), number_sealed).decode()


def _failed_here(session: Session, claimed: Claim, code: str, *, now: datetime) -> None:
    end_attempt(session, claimed, outcome=AttemptOutcome.INTERNAL, code=code, now=now)
    if claimed.kind is AttemptKind.SUBMIT:
        send_later(session, claimed, code=code, wait=until_send(claimed.tries), now=now)
    else:
        move(session, claimed.held(), due_at=now + until_query(claimed.queries), lease_until=None)
