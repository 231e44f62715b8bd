"""The side roads of a voucher's life: cancelled, replaced, expired. In each the value goes back to the gift."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Row, exists, or_, select, update
from sqlalchemy.orm import Session

from voucher_service.db import Database
from voucher_service.errors import N_, BadInput, Conflict, KeyReused, NotFound
from voucher_service.ids import local_day
from voucher_service.ledger import post
from voucher_service.ledger.models import AccountKind, Reason
from voucher_service.staff.device_models import Device
from voucher_service.units import Unit
from voucher_service.vouchers.issue import replacement
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import Voucher, VoucherState

OFFLINE_GRACE = timedelta(days=14)
"""How long after the end of a device's last lease what it may have accepted is waited for."""

EXPIRY_CHUNK = 400
"""Vouchers expired in one transaction."""


def cancel(session: Session, voucher_id: UUID, *, actor: str, reason: str, now: datetime) -> None:
    """Cancel a live voucher and give its value back. Cancelling a cancelled voucher changes nothing.

    Raises:
        BadInput: the reason is missing.
        NotFound, Conflict: no such voucher, or it is no longer live.
    """
    if len(reason.strip()) < 3:
        raise BadInput("Dites en quelques mots pourquoi ce bon est annulé.", field="reason")
    if not _end(session, voucher_id, VoucherState.CANCELLED, actor, reason.strip(), now):
        voucher = session.get(Voucher, voucher_id)
        if voucher is None:
            raise NotFound("Ce bon n’existe pas.")
        if voucher.state != VoucherState.CANCELLED.value:
            raise Conflict(_why_not(voucher), code="voucher_not_live")


def reissue(
    session: Session,
    ring: KeyRing,
    voucher_id: UUID,
    new_voucher_id: UUID,
    *,
    actor: str,
    reason: str,
    now: datetime,
) -> Voucher:
    """Replace a live or expired voucher by a new one; the old code is dead from this moment.

    The same `new_voucher_id` again returns the same new voucher.

    Raises:
        BadInput: the reason is missing.
        NotFound, Conflict: no such voucher, or it was redeemed, cancelled or replaced already; or no allocation
            can pay, or the cap is reached (an expired voucher's place in it may have been given again).
        KeyReused: the new id belongs to another request.
    """
    if len(reason.strip()) < 3:
        raise BadInput("Dites en quelques mots pourquoi ce bon est remplacé.", field="reason")
    # Before the old voucher is touched: whoever issues holds its turn first, and a gift's balance last.
    ring.wait_turn(session)
    old = session.get(Voucher, voucher_id)
    if old is None:
        raise NotFound("Ce bon n’existe pas.")
    known = session.get(Voucher, new_voucher_id)
    if known is not None:
        if known.replaces_id != voucher_id:
            raise KeyReused("Ce formulaire a déjà servi à émettre un autre bon : rouvrez la page.")
        return known
    was_live = _end(session, voucher_id, VoucherState.REPLACED, actor, reason.strip(), now)
    if not was_live:
        # An expired voucher's value is back already; it is only marked, so that it leads to its successor.
        marked = session.scalar(
            update(Voucher)
            .where(Voucher.id == voucher_id, Voucher.state == VoucherState.EXPIRED.value)
            .values(state=VoucherState.REPLACED.value, ended_at=now, ended_by=actor, ended_reason=reason.strip())
            .returning(Voucher.id)
        )
        if marked is None:
            raise Conflict(_why_not(old), code="voucher_not_live")
    return replacement(session, ring, new_voucher_id, old, was_live=was_live, actor=actor, now=now)


def expire_due(session: Session, *, now: datetime, limit: int = EXPIRY_CHUNK, only: UUID | None = None) -> int:
    """Expire live vouchers (`only` that one) whose last day is over, at most `limit`; return how many.

    Run until it returns 0.

    What a device may have accepted in time and not told yet waits, 14 days at most: see `_awaited`.
    """
    due = session.scalars(
        select(Voucher.id)
        .where(
            Voucher.state == VoucherState.ISSUED.value,
            Voucher.last_day < local_day(now),
            ~_awaited(local_day(now)),
            *(() if only is None else (Voucher.id == only,)),
        )
        .order_by(Voucher.last_day, Voucher.id)
        .limit(limit)
        .with_for_update(skip_locked=True)  # two sweeps at once share the work, and cannot lock crosswise
    ).all()
    ended = session.execute(
        update(Voucher)
        .where(Voucher.id.in_(due), Voucher.state == VoucherState.ISSUED.value)
        .values(state=VoucherState.EXPIRED.value, ended_at=now, ended_by="system", ended_reason="validité passée")
        .returning(Voucher.id, Voucher.allocation_id, Voucher.unit, Voucher.quantity, Voucher.reservation_id)
        .execution_options(synchronize_session=False)
    ).all()
    entries = [_release(row, "expire", Reason.EXPIRED) for row in ended]
    post.post(session, entries, actor="system", occurred_at=now, now=now)
    return len(ended)


def _awaited(today: date) -> ColumnElement[bool]:
    """Say of a voucher whether a device of its home branch had a lease and has not told us all since its last day."""
    return exists().where(
        Device.branch_id == Voucher.branch_id,
        Device.revoked_at.is_(None),
        Device.lease_until_on >= today - OFFLINE_GRACE,
        or_(Device.caught_up_on.is_(None), Device.caught_up_on <= Voucher.last_day),
    )


def expire_all(database: Database, clock: Callable[[], datetime]) -> int:
    """Expire everything that is due, `EXPIRY_CHUNK` a transaction; return how many. Two at once do no harm."""
    total = 0
    while ended := database.run(expire_due, now=clock()):
        total += ended
    return total


def _end(session: Session, voucher_id: UUID, state: VoucherState, actor: str, reason: str, now: datetime) -> bool:
    row = session.execute(
        update(Voucher)
        .where(Voucher.id == voucher_id, Voucher.state == VoucherState.ISSUED.value)
        .values(state=state.value, ended_at=now, ended_by=actor, ended_reason=reason)
        .returning(Voucher.id, Voucher.allocation_id, Voucher.unit, Voucher.quantity, Voucher.reservation_id)
    ).one_or_none()
    if row is None:
        return False
    word = {VoucherState.CANCELLED: Reason.CANCELLED, VoucherState.REPLACED: Reason.REPLACED}[state]
    post.post(session, [_release(row, word.value, word)], actor=actor, occurred_at=now, now=now)
    return True


def _release(row: Row[UUID, int, str, int, UUID], verb: str, reason: Reason) -> post.Entry:
    voucher_id, allocation_id, unit, quantity, reservation_id = row
    return post.Entry(
        key=f"{verb}:{voucher_id}",
        book_id=allocation_id,
        source=AccountKind.RESERVED,
        destination=AccountKind.AVAILABLE,
        unit=Unit(unit),
        quantity=quantity,
        reason=reason,
        object_kind="voucher",
        object_id=str(voucher_id),
        resolves=reservation_id,
    )


def _why_not(voucher: Voucher) -> str:
    return {
        VoucherState.ISSUED: N_("Ce bon est en cours de modification : réessayez."),
        VoucherState.REDEEMED: N_("Ce bon a déjà été utilisé : il ne peut plus changer."),
        VoucherState.CANCELLED: N_("Ce bon est annulé."),
        VoucherState.REPLACED: N_("Ce bon a déjà été remplacé : ouvrez le bon qui le remplace."),
        VoucherState.EXPIRED: N_("Ce bon est périmé : vous pouvez le remplacer."),
    }[VoucherState(voucher.state)]
