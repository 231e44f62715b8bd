"""The history of a break: rows written once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from voucher_service.ids import new_id
from voucher_service.reconciliation.work.models import BreakEvent, Side, Step

_CHUNK = 500


def event_row(
    break_id: UUID,
    step: Step,
    now: datetime,
    *,
    side: Side = Side.SYSTEM,
    actor: str = "system",
    words: str | None = None,
    was: str | None = None,
    became: str | None = None,
) -> dict[str, Any]:
    """Return one step as a row; without more said, the service did it by itself."""
    return {
        "id": new_id(), "break_id": break_id, "step": step.value, "side": side.value, "actor": actor, "at": now,
        "words": words, "was": was, "became": became,
    }  # fmt: skip


def write_events(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Write the steps."""
    for start in range(0, len(rows), _CHUNK):
        session.execute(insert(BreakEvent), rows[start : start + _CHUNK])
