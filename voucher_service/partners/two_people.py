"""What one person proposes and another agrees to, or either takes back: decided once, by compare-and-set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from voucher_service.db import Base


def decide(session: Session, made: Base, *, agreed: int, actor: str, now: datetime, **more: Any) -> bool:
    """Decide on a proposal: `agreed` 1 or, taken back, 0; `more` is what else that writes in its row.

    False: it was decided on already; of two who decide at once, one does. `made` is then as the row is.
    """
    kind: Any = type(made)  # a table with `id`, `agreed`, `decided_by` and `decided_at`, empty while it waits
    found = session.scalar(
        update(kind)
        .where(kind.id == made.id, kind.decided_at.is_(None))  # type: ignore[attr-defined]
        .values(agreed=agreed, decided_by=actor, decided_at=now, **more)
        .returning(kind)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return found is not None
