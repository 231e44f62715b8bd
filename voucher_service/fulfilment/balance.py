"""What is left of our accounts at the partners: asked every hour, kept, and told before it is used up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from voucher_service.db import Database
from voucher_service.fulfilment.abilities import Balance, HasBalance
from voucher_service.fulfilment.around import PartnerBalance
from voucher_service.fulfilment.providers import Provider

LOW_BALANCE = 200_00
"""Hundredths of the account's currency: below this a coordinator is told. About a busy day of one branch."""

_log = structlog.get_logger(__name__)


def ask_balances(database: Database, providers: Mapping[str, Provider], now_fn: Callable[[], datetime]) -> int:
    """Ask each partner that can tell; keep its answer, or why there was none. Return how many answered.

    No transaction is open while a partner answers.
    """
    told = 0
    for route, provider in providers.items():
        if not isinstance(provider, HasBalance):
            continue
        try:
            balance, code = provider.balance(), None
            told += 1
        except Exception as fault:
            _log.warning("balance_not_told", route=route, fault=type(fault).__name__)
            balance, code = None, type(fault).__name__
        database.run(_keep, route, balance, code, now=now_fn())
    return told


def _keep(session: Session, route: str, balance: Balance | None, code: str | None, *, now: datetime) -> None:
    known = session.get(PartnerBalance, route) or PartnerBalance(route=route, asked_at=now)
    known.asked_at, known.code = now, code[:60] if code else None
    if balance is not None:
        known.hundredths, known.currency, known.as_of = balance.hundredths, balance.currency[:3], balance.as_of
    session.add(known)


def low(balance: PartnerBalance) -> bool:
    """Say whether the account must be filled up soon."""
    return balance.hundredths is not None and balance.hundredths < LOW_BALANCE


def balances(session: Session) -> dict[str, PartnerBalance]:
    """Return what each partner said last, by route."""
    return {found.route: found for found in session.scalars(select(PartnerBalance).order_by(PartnerBalance.route))}
