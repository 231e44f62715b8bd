"""Partners calling back. A callback never moves value: it is kept once, and makes us ask.

It may be forged, replayed, early, late, wrong or about nothing of ours; whichever it is, the partner's answer
to our own question decides.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Vault
from voucher_service.fulfilment.abilities import Notice
from voucher_service.fulfilment.around import Callback, CallbackTurn
from voucher_service.fulfilment.decide import ASKABLE, order_of
from voucher_service.fulfilment.models import Order
from voucher_service.ids import new_id
from voucher_service.partners.models import Offer
from voucher_service.vouchers.models import Voucher

BODY_LIMIT = 64 * 2**10
"""More bytes than any partner sends."""


class Heard(NamedTuple):
    """What became of a callback: whether it was new, and the order that is now asked about, if any."""

    fresh: bool
    order_id: UUID | None


OLD_ADDRESS_SERVES = timedelta(days=7)
"""So long the address before still serves: orders under way carry it, and someone must tell the partner the new one."""


def path_secret(vault: Vault, route: str, turned: int = 0) -> str:
    """Return the part of a route's address that cannot be guessed: 32 hexadecimal digits from the master key."""
    told = route if turned == 0 else f"{route}/{turned}"  # no route has a slash
    return hmac.new(vault.subkey("callback"), told.encode(), hashlib.sha256).hexdigest()[:32]


def secret_now(session: Session, vault: Vault, route: str) -> str:
    """Return that part of the address which the route has now."""
    held = session.get(CallbackTurn, route)
    return path_secret(vault, route, held.turn if held is not None else 0)


def turn(session: Session, route: str, *, now: datetime) -> None:
    """Give the route a new address; the one before serves for a while."""
    held = session.get(CallbackTurn, route, with_for_update=True) or CallbackTurn(route=route, turn=0)
    held.turn += 1
    held.turned_at = now
    session.add(held)
    session.flush()


def turned_at(session: Session, route: str) -> datetime | None:
    """Return when the route's address was changed last; None: never."""
    held = session.get(CallbackTurn, route)
    return None if held is None else held.turned_at


def is_path_of(session: Session, vault: Vault, route: str, secret: str, *, now: datetime) -> bool:
    """Say whether this is an address of the route, in a time that does not depend on how much of it is right."""
    held = session.get(CallbackTurn, route)
    served = [0] if held is None else [held.turn]
    if held is not None and now < held.turned_at + OLD_ADDRESS_SERVES:
        served.append(held.turn - 1)
    return any(hmac.compare_digest(path_secret(vault, route, one).encode(), secret.encode()) for one in served)


def hear(session: Session, route: str, notice: Notice, raw: bytes, *, now: datetime) -> Heard:
    """Keep the callback, once, and make its order due to be asked about. The same bytes again change nothing."""
    digest = hashlib.sha256(raw).digest()
    known = select(Callback.order_id).where(Callback.route == route, Callback.body_sha256 == digest)
    if (seen := session.execute(known).one_or_none()) is not None:
        return Heard(fresh=False, order_id=seen[0])
    order_id = _order(session, route, notice)
    session.add(
        Callback(
            id=new_id(),
            route=route,
            body_sha256=digest,
            order_id=order_id,
            their_ref=notice.theirs[:80] if notice.theirs else None,
            status=notice.status[:60],
            verified=notice.verified,
            received_at=now,
        )
    )
    session.flush()
    if order_id is not None:
        _ask_now(session, order_id, now)
    return Heard(fresh=True, order_id=order_id)


def _order(session: Session, route: str, notice: Notice) -> UUID | None:
    on_route = (
        select(Order.id)
        .join(Voucher, Voucher.id == Order.voucher_id)
        .join(Offer, Offer.id == Voucher.offer_id)
        .where(Offer.route == route)
    )
    if notice.ours is not None:
        return session.scalar(on_route.where(Order.id == order_of(notice.ours)))
    if notice.theirs:
        found = session.scalars(on_route.where(Order.partner_ref == notice.theirs).limit(2)).all()
        return found[0] if len(found) == 1 else None
    return None


def _ask_now(session: Session, order_id: UUID, now: datetime) -> None:
    """Bring the next question forward. Whoever is sending or asking just now is not disturbed."""
    session.execute(
        update(Order)
        .where(
            Order.id == order_id,
            Order.state.in_([state.value for state in ASKABLE]),
            Order.due_at.is_(None) | (Order.due_at > now),
            Order.lease_until.is_(None) | (Order.lease_until <= now),
        )
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )
