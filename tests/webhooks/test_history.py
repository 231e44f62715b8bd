"""The log keeps every try, and what ended long ago leaves it; months are told when proposed and agreed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.closing.month import US, agree, march, propose
from tests.webhooks.acts import tell_one, try_again
from tests.webhooks.conftest import Hooks
from voucher_service.webhooks import courier
from voucher_service.webhooks.courier import LEASE, PAUSES, claim
from voucher_service.webhooks.models import Event, WebhookDelivery, WebhookTry
from voucher_service.webhooks.outbox import KEPT, prune, tries_of


def tries(hooks: Hooks) -> list[tuple[int, str | None]]:
    """What the log says of the first delivery."""
    with hooks.programme.database.read() as session:
        row = hooks.rows()[0]
        return [(one.number, one.code) for one in tries_of(session, [row.id]).get(row.id, [])]


def test_each_try_is_kept_with_what_came_of_it(hooks: Hooks) -> None:
    hooks.add()
    hooks.receiver.statuses = [500, 503, 204]
    tell_one(hooks)
    for pause in (timedelta(), PAUSES[0], PAUSES[1]):
        hooks.programme.now += pause
        hooks.courier.turn()
    assert tries(hooks) == [(1, "http_500"), (2, "http_503"), (3, "http_204")]


def test_a_try_whose_worker_died_is_in_the_log(hooks: Hooks) -> None:
    hooks.add()
    tell_one(hooks)
    with hooks.programme.database.begin() as session:
        assert claim(session, hooks.programme.now) is not None
    assert tries(hooks) == [(1, None)]
    hooks.programme.now += LEASE
    hooks.courier.turn()
    assert tries(hooks) == [(1, "lease_passed"), (2, "http_204")]


def test_a_try_that_nobody_ends_is_noticed(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the end of a try is not written."""
    monkeypatch.setattr(courier, "_end_try", lambda *_: None)
    hooks.add()
    tell_one(hooks)
    hooks.courier.turn()
    assert tries(hooks) == [(1, None)]


def test_what_ended_long_ago_leaves_the_log_and_what_waits_stays(hooks: Hooks) -> None:
    hooks.add()
    hooks.receiver.statuses = [204, 500]
    told = {str(tell_one(hooks)), str(tell_one(hooks))}
    hooks.courier.turn()  # both are due at once: either may go first
    states = {json.loads(row.body)["data"]["statement_id"]: row.state for row in hooks.rows()}
    assert states.keys() == told
    assert sorted(states.values()) == ["delivered", "waiting"]
    database, end = hooks.programme.database, hooks.programme.now + KEPT
    assert database.run(prune, end) == 0, "to the day"
    assert database.run(prune, end + timedelta(seconds=1)) == 1
    (left,) = hooks.rows()
    assert states[json.loads(left.body)["data"]["statement_id"]] == "waiting"
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(WebhookTry)) == 1
        assert session.scalar(select(func.count()).select_from(WebhookDelivery)) == 1
    try_again(hooks)
    assert hooks.courier.turn() == 1


def test_a_month_is_told_when_it_is_proposed_and_when_it_is_agreed(hooks: Hooks) -> None:
    hooks.add(events=[Event.PERIOD_PROPOSED, Event.PERIOD_AGREED])
    programme = hooks.programme
    programme.now = programme.now.replace(year=2026, month=3, day=10)
    march(programme)
    row = propose(programme)
    data = {"period_id": str(row.id)}

    def told() -> list[tuple[str, dict[str, object]]]:
        return [(one.event, json.loads(one.body)["data"]) for one in hooks.rows()]

    assert told() == [("period.proposed", data)]
    agree(programme, row)
    agree(programme, row)
    assert told() == [("period.proposed", data), ("period.agreed", data)], "once, however often it is agreed to"
    with pytest.raises(Exception, match="déjà clos"):
        propose(programme)
    assert len(told()) == 2, f"what is refused is not told, not even when {US} asks"
