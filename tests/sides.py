"""Accounts of both sides of a month: one of the programme proposes it, one of the partner agrees to it."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from voucher_service.ids import new_id
from voucher_service.staff.models import Role, Staff


def sides(session: Session, partner_id: UUID) -> tuple[str, str]:
    """Make both accounts; return the names under which their acts are recorded."""
    made = []
    for role, partner in ((Role.COORDINATOR, None), (Role.PARTNER, partner_id)):
        one = Staff(
            id=new_id(), login=f"{new_id()}@example.org", name="Camille", role=role.value, partner_id=partner,
            password_hash="not a hash: nobody signs in with it", active=True, session_version=1,
            created_at=datetime(2026, 3, 1, tzinfo=UTC),
        )  # fmt: skip
        session.add(one)
        made.append(f"staff:{one.id}")
    session.flush()
    return made[0], made[1]
