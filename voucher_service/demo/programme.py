"""Filling an empty database with the demonstration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from voucher_service.demo.staff import fill_staff
from voucher_service.ids import new_id, utc_now
from voucher_service.partners.models import Partner
from voucher_service.services import Services

Progress = Callable[[str, int, int], None]
"""Told what is being made, how many are done, and how many there will be."""


def fill(services: Services, progress: Progress) -> None:
    """Fill an empty, migrated database."""
    progress("Antennes et comptes", 0, 1)
    services.database.run(_base, now=utc_now())
    progress("Antennes et comptes", 1, 1)


def _base(session: Session, *, now: datetime) -> None:
    session.add(Partner(id=new_id(), name="Télécom Solidaire", created_at=now))
    session.flush()
    fill_staff(session, now=now)
