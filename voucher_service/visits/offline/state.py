"""What a device needs to decide alone: keys under the root, lists, offers, forms."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.ids import local_day
from voucher_service.partners.models import STOCK_ROUTES, Offer
from voucher_service.visits.offline.bits import KeyBits
from voucher_service.visits.offline.wire import base64url
from voucher_service.visits.questions import Forms, Question
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher, VoucherState

FRESH_FOR: Final = timedelta(seconds=20)
"""How long a process believes its copy of the lists: a device is offline far longer than that."""


class Lists:
    """The lists of one process. Reading a hundred thousand vouchers takes a moment, so devices share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at: datetime | None = None
        self._keys: Mapping[str, KeyBits] = {}

    def keys(self, session: Session, now: datetime) -> Mapping[str, KeyBits]:
        """Return the vouchers of each key that still has live ones, under "<organisation>-<key id>"."""
        with self._lock:
            if self._read_at is not None and timedelta(0) <= now - self._read_at < FRESH_FOR:
                return self._keys
        keys = _read(session)
        with self._lock:
            self._keys, self._read_at = keys, now
        return keys


def _read(session: Session) -> dict[str, KeyBits]:
    live = select(Voucher.organisation, Voucher.key_id).where(Voucher.state == VoucherState.ISSUED.value).distinct()
    found: dict[str, KeyBits] = {}
    for organisation, key_id in session.execute(live).all():
        bits = found.setdefault(f"{organisation}-{key_id}", KeyBits())
        rows = session.execute(
            select(Voucher.serial, Voucher.state, Voucher.branch_id).where(
                Voucher.organisation == organisation, Voucher.key_id == key_id
            )
        )
        for serial, state, branch_id in rows:
            bits.add(serial, live=state == VoucherState.ISSUED.value, branch_id=branch_id)
    return found


def root_key(vault: Vault) -> Ed25519PrivateKey:
    """Return the key under which the key set is signed; derived from the master key, stored nowhere."""
    return Ed25519PrivateKey.from_private_bytes(vault.subkey("key-set-root"))


def signed_keys(session: Session, vault: Vault, ring: KeyRing, now: datetime) -> dict[str, str]:
    """Return every public key with its status as JSON text, and the root's signature over it."""
    records = ring.public_keys(session, now)
    text = json.dumps(
        [
            {
                "organisation": record.organisation,
                "key_id": record.key_id,
                "public_key": base64url(record.public_key),
                "status": record.status.value,
            }
            for _, record in sorted(records.items())
        ],
        separators=(",", ":"),
    )
    signature = root_key(vault).sign(b"cdp-keys-v1\n" + text.encode())
    return {"signed": text, "signature": base64url(signature)}


def offers_and_forms(
    session: Session, forms: Forms, branch_id: int, now: datetime
) -> tuple[dict[str, dict[str, Any]], dict[str, list[Question]]]:
    """Return the offers that live vouchers of this branch promise, by code, and the forms they ask, by version.

    The price is one that each of these vouchers allows. A code does not name its campaign, so where an offer
    belongs to several the form is that of most vouchers; answers that do not fit are kept beside the visit.
    """
    rows = session.execute(
        select(Voucher.offer_code, Voucher.offer_id, Voucher.campaign_id, func.min(Voucher.price_cents))
        .where(
            Voucher.state == VoucherState.ISSUED.value,
            Voucher.last_day >= local_day(now),
            Voucher.branch_id == branch_id,
        )
        .group_by(Voucher.offer_code, Voucher.offer_id, Voucher.campaign_id)
        .order_by(func.count().desc())
    ).all()
    offers: dict[str, dict[str, Any]] = {}
    asked: dict[str, list[Question]] = {}
    for code, offer_id, campaign_id, price in rows:
        known = offers.get(str(code))
        if known is not None:
            known["price_cents"] = min(known["price_cents"], price)
            continue
        offer = session.get_one(Offer, offer_id)
        questions = list(forms.of(session, campaign_id, now))
        version = form_version(questions)
        asked[version] = questions
        offers[str(code)] = {
            "label_fr": offer.name_fr,
            "label_en": offer.name_en,
            "unit": offer.unit,
            "price_cents": price,
            "needs_number": offer.route not in STOCK_ROUTES,
            "form": version,
        }
    return offers, asked


def form_version(questions: list[Question]) -> str:
    """Return sixteen characters that change whenever the form does."""
    return hashlib.sha256(json.dumps(questions, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
