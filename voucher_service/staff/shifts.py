"""Shifts at an enrolled device, opened with a PIN or with the password; and the PIN itself."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from voucher_service.errors import BadInput, NotAllowed, NotFound
from voucher_service.ids import new_id
from voucher_service.staff.accounts import SEES_ALL_BRANCHES
from voucher_service.staff.device_models import Device, Shift, StaffPin
from voucher_service.staff.models import Role, Staff, StaffBranch

SHIFT_FOR: Final = timedelta(hours=12)
WITH_PIN: Final = frozenset({Role.COUNTER, Role.VOLUNTEER})
"""A PIN is short, so it opens only what the counter needs."""

_PIN = re.compile(r"[0-9]{4,8}")
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_RUNS: Final = "0123456789 9876543210"
_TRIED_FIRST: Final = frozenset({"1379", "1470", "2580", "0852", "7410", "147258", "159753", "123321", "112233"})
_YEAR: Final = re.compile(r"(19|20)[0-9]{2}")


def set_pin(session: Session, staff_id: UUID, pin: str, *, now: datetime) -> None:
    """Keep a new PIN for the person, who has just shown the password.

    Raises:
        BadInput: not four to eight digits, or one of those everybody tries. NotAllowed: not an account of the counter.
    """
    staff = session.get(Staff, staff_id)
    if staff is None or Role(staff.role) not in WITH_PIN:
        raise NotAllowed("Le code PIN n’existe que pour l’accueil : gardez votre mot de passe.")
    if not _PIN.fullmatch(pin):
        raise BadInput("Le code PIN compte de quatre à huit chiffres.", field="pin")
    if _is_guessed(pin):
        raise BadInput("Ce code PIN se devine : évitez les suites, les répétitions et les années.", field="pin")
    session.merge(StaffPin(staff_id=staff_id, pin_hash=_HASHER.hash(pin), set_at=now))
    session.flush()


def _is_guessed(pin: str) -> bool:
    half = pin[: len(pin) // 2]
    return (
        len(set(pin)) < 3 or pin in _RUNS or pin == half * 2 or pin in _TRIED_FIRST or _YEAR.fullmatch(pin) is not None
    )


def pin_set_at(session: Session, staff_id: UUID) -> datetime | None:
    """Return when the person chose the PIN; None: there is none."""
    return session.scalar(select(StaffPin.set_at).where(StaffPin.staff_id == staff_id))


def forget_pin(session: Session, staff_id: UUID) -> bool:
    """Forget a PIN, so that the person must choose another one; say whether there was one."""
    forgotten = session.scalar(delete(StaffPin).where(StaffPin.staff_id == staff_id).returning(StaffPin.staff_id))
    return forgotten is not None


def by_pin(session: Session, login: str, pin: str) -> Staff | None:
    """Return the account that `login` and `pin` open, else None. An unknown login costs the same time."""
    row = session.execute(
        select(Staff, StaffPin.pin_hash)
        .join(StaffPin, StaffPin.staff_id == Staff.id)
        .where(Staff.login == login.strip().lower(), Staff.active, Staff.role.in_([role.value for role in WITH_PIN]))
    ).one_or_none()
    if row is None:
        _HASHER.hash(pin[:8])
        return None
    try:
        _HASHER.verify(row[1], pin[:9])
    except VerificationError:
        return None
    return row[0]


def open_shift(session: Session, device: Device, staff_id: UUID, *, now: datetime) -> Shift:
    """Open a shift of this person at the device for twelve hours; the one that was open there ends.

    Raises:
        NotAllowed: the person does not work at the device's branch.
    """
    staff = session.get_one(Staff, staff_id)
    works_there = session.get(StaffBranch, (staff_id, device.branch_id)) is not None
    if not works_there and Role(staff.role) not in SEES_ALL_BRANCHES:
        raise NotAllowed("Cet appareil est d’une autre antenne que la vôtre.")
    _close_open(session, device.id, now)
    shift = Shift(
        id=new_id(),
        device_id=device.id,
        staff_id=staff_id,
        branch_id=device.branch_id,
        opened_at=now,
        ends_at=now + SHIFT_FOR,
    )
    session.add(shift)
    session.flush()
    return shift


def close_shift(session: Session, device_id: UUID, shift_id: UUID, *, now: datetime) -> datetime:
    """End a shift of the device and return when it ended; ending it twice changes nothing.

    Raises:
        NotFound: no such shift on this device.
    """
    shift = session.get(Shift, shift_id)
    if shift is None or shift.device_id != device_id:
        raise NotFound("Ce service n’existe pas sur cet appareil.")
    if shift.closed_at is None:
        shift.closed_at = now
        session.flush()
    return shift.closed_at


def open_on(session: Session, device_id: UUID, now: datetime) -> Shift | None:
    """Return the shift that is open on the device and has not ended."""
    return session.scalar(
        select(Shift).where(Shift.device_id == device_id, Shift.closed_at.is_(None), Shift.ends_at > now)
    )


def _close_open(session: Session, device_id: UUID, now: datetime) -> None:
    session.execute(update(Shift).where(Shift.device_id == device_id, Shift.closed_at.is_(None)).values(closed_at=now))
