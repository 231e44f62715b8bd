"""A partner that asks for them is sent the signed checkpoints: the newest, at most one a day, and no other partner."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.webhooks.conftest import Hooks
from voucher_service.ledger.seal.models import Checkpoint
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.outbox import tell_checkpoint


def seal(hooks: Hooks, size: int, later: timedelta) -> None:
    """A checkpoint as the sealer writes it, and then the telling."""
    programme = hooks.programme
    now = programme.now + later
    with programme.database.begin() as session:
        session.add(Checkpoint(size=size, root=bytes(32), note=f"note of {size}", sealed_at=now))
    programme.database.run(tell_checkpoint, now)


def told(hooks: Hooks) -> list[object]:
    return [json.loads(row.body)["data"] for row in hooks.rows() if row.event == "books.checkpoint"]


def test_the_newest_checkpoint_is_sent_at_most_once_a_day(hooks: Hooks) -> None:
    hooks.programme.database.run(tell_checkpoint, hooks.programme.now)
    hooks.add(events=[Event.BOOKS_CHECKPOINT])
    hooks.add(events=[Event.PERIOD_AGREED])
    assert told(hooks) == [], "nothing is sealed yet"
    seal(hooks, 3, timedelta())
    first = {"size": 3, "note": "note of 3"}
    assert told(hooks) == [first]
    for minutes in (1, 2):
        seal(hooks, 3 + minutes, timedelta(minutes=minutes))
    assert told(hooks) == [first]
    seal(hooks, 9, timedelta(hours=24))
    assert told(hooks) == [first, {"size": 9, "note": "note of 9"}]
    hooks.programme.database.run(tell_checkpoint, hooks.programme.now + timedelta(days=9))
    assert len(told(hooks)) == 2, "the same one is not sent again"
