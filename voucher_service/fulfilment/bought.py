"""Codes that a partner sold us for one order: sealed in the transaction that books the answer.

As with codes of our own stock, the delivery is settled when the person sees the code (`reveal.py`): until then
the order is HELD and its value in delivery.
"""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault
from voucher_service.fulfilment.bought_models import BoughtCode
from voucher_service.fulfilment.providers import Pin


def keep(session: Session, vault: Vault, order_id: UUID, pin: Pin, *, now: datetime) -> None:
    """Seal the code bought for the order, once: the partner may tell it again with each answer."""
    if session.get(BoughtCode, order_id) is None:
        told = json.dumps({"pin": pin.pin, "how": pin.how}).encode()
        sealed = vault.seal(_place(order_id), told)
        session.add(BoughtCode(order_id=order_id, serial=pin.serial[:80], sealed=sealed, bought_at=now))
        session.flush()


def unsealed(vault: Vault, code: BoughtCode) -> Pin:
    """Return the code as it was bought. Raises SealBroken."""
    told = json.loads(vault.unseal(_place(code.order_id), code.sealed))
    return Pin(told["pin"], code.serial, told["how"])


def _place(order_id: UUID) -> Place:
    return Place("bought_code", "sealed", str(order_id))
