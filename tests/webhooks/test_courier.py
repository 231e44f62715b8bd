"""What arrives at a partner's server, how often, and what an independent verifier says of it."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError

from tests.webhooks.acts import tell_one, try_again, verified
from tests.webhooks.conftest import Hooks
from voucher_service.errors import Conflict
from voucher_service.ids import new_id
from voucher_service.messages.worker import MessageWorker
from voucher_service.services import Services
from voucher_service.settings import Settings
from voucher_service.tasks import WEBHOOK, create_celery
from voucher_service.webhooks.courier import LEASE, PAUSES, Courier, claim
from voucher_service.webhooks.models import Event
from voucher_service.webhooks.outbox import tell
from voucher_service.webhooks.sender import Answer, NoSender


def test_what_arrives_is_signed_and_holds_ids_only(hooks: Hooks) -> None:
    _, secret = hooks.add()
    about = tell_one(hooks)
    assert hooks.courier.turn() == 1
    read = verified(hooks, secret)
    assert read["type"] == "statement.reconciled"
    assert read["data"] == {"statement_id": str(about)}
    assert set(read) == {"type", "timestamp", "data"}
    row = hooks.rows()[0]
    assert (row.state, row.tries, row.due_at, row.outcome_code) == ("delivered", 1, None, "http_204")
    assert hooks.receiver.got[0][0]["webhook-id"] == str(row.id)
    assert hooks.courier.turn() == 0


def test_a_tampered_delivery_is_refused(hooks: Hooks) -> None:
    _, secret = hooks.add()
    tell_one(hooks)
    hooks.courier.turn()
    headers, body = hooks.receiver.got[0]
    old = str(int(headers["webhook-timestamp"]) - 3600)
    for changed, content in (
        (headers, body.replace(b"reconciled", b"reconsiled")),
        (headers | {"webhook-id": str(new_id())}, body),
        (headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body),
        (headers | {"webhook-timestamp": old}, body),
        (headers | {"webhook-signature": "v1,AAAA"}, body),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(content, changed)


def test_only_chosen_events_of_the_own_partner_are_told(hooks: Hooks) -> None:
    hooks.add(events=[Event.PERIOD_AGREED])
    tell_one(hooks)
    hooks.programme.database.run(tell, new_id(), Event.PERIOD_AGREED, {"period_id": new_id()}, now=hooks.programme.now)
    assert hooks.rows() == []


def test_nothing_is_told_of_what_was_rolled_back(hooks: Hooks) -> None:
    hooks.add()
    programme = hooks.programme

    def told_then_broken(session: Session) -> None:
        assert tell(session, programme.partner_id, Event.PERIOD_AGREED, {"period_id": new_id()}, now=programme.now) == 1
        raise RuntimeError

    with pytest.raises(RuntimeError):
        programme.database.run(told_then_broken)
    assert hooks.rows() == []


def test_a_failing_receiver_is_tried_again_for_a_day_then_given_up(hooks: Hooks) -> None:
    _, secret = hooks.add()
    hooks.receiver.statuses = [500]
    tell_one(hooks)
    for number, pause in enumerate(PAUSES, 1):
        assert hooks.courier.turn() == 1
        row = hooks.rows()[0]
        assert (row.state, row.tries, row.due_at) == ("waiting", number, hooks.programme.now + pause)
        hooks.programme.now += pause - timedelta(seconds=1)
        assert hooks.courier.turn() == 0, "not before its time"
        hooks.programme.now += timedelta(seconds=1)
    assert hooks.courier.turn() == 1
    assert (hooks.rows()[0].state, hooks.rows()[0].outcome_code) == ("given_up", "http_500")
    assert len({headers["webhook-id"] for headers, _ in hooks.receiver.got}) == 1
    assert len({body for _, body in hooks.receiver.got}) == 1
    stamps = [int(headers["webhook-timestamp"]) for headers, _ in hooks.receiver.got]
    assert stamps == sorted(set(stamps)), "each try is signed with its own time"
    assert len(stamps) == len(PAUSES) + 1
    hooks.programme.later(days=3)
    assert hooks.courier.turn() == 0
    hooks.receiver.statuses = [200]
    try_again(hooks)
    assert hooks.courier.turn() == 1
    assert hooks.rows()[0].state == "delivered"
    with pytest.raises(Conflict) as refused:
        try_again(hooks)
    assert refused.value.code == "webhook_under_way"
    assert secret.startswith("whsec_")


def test_a_crash_between_sending_and_booking_sends_again_under_the_same_id(hooks: Hooks) -> None:
    _, secret = hooks.add()
    tell_one(hooks)
    with hooks.programme.database.begin() as session:
        held = claim(session, hooks.programme.now)
    assert held is not None
    hooks.courier._post(held)  # it left, and the worker died
    assert hooks.courier.turn() == 0, "nobody else sends while the lease lasts"
    hooks.programme.now += LEASE
    assert hooks.courier.turn() == 1
    first, second = (headers["webhook-id"] for headers, _ in hooks.receiver.got)
    assert first == second
    assert verified(hooks, secret, 0) == verified(hooks, secret, 1)
    assert (hooks.rows()[0].state, hooks.rows()[0].tries) == ("delivered", 2)


def test_a_delivery_that_kills_its_workers_is_given_up(hooks: Hooks) -> None:
    hooks.add()
    tell_one(hooks)
    for _ in range(len(PAUSES) + 1):
        with hooks.programme.database.begin() as session:
            assert claim(session, hooks.programme.now) is not None
        hooks.programme.now += LEASE
    assert hooks.courier.turn() == 0
    assert (hooks.rows()[0].state, hooks.rows()[0].outcome_code) == ("given_up", "lease_passed")


def test_four_couriers_send_each_delivery_once(hooks: Hooks) -> None:
    hooks.add()
    for _ in range(20):
        tell_one(hooks)
    couriers = [threading.Thread(target=hooks.courier.turn) for _ in range(4)]
    for one in couriers:
        one.start()
    for one in couriers:
        one.join()
    hooks.courier.turn()
    ids = [headers["webhook-id"] for headers, _ in hooks.receiver.got]
    assert sorted(ids) == sorted(str(row.id) for row in hooks.rows())


def test_a_hint_is_given_after_the_commit_and_sends_that_one(hooks: Hooks) -> None:
    hooks.add()
    programme, hinted = hooks.programme, list[object]()
    tell_one(hooks)
    seen: list[int] = []

    def hint(row_id: object) -> None:
        hinted.append(row_id)
        seen.append(len(hooks.rows()))  # another connection sees it: it is committed

    programme.database.hint = hint
    tell_one(hooks)
    first, second = hooks.rows()
    assert (hinted, seen) == ([second.id], [2])
    assert hooks.courier.turn(only=second.id) == 1
    assert [row.state for row in hooks.rows()] == ["waiting", "delivered"]
    assert hooks.courier.turn(only=second.id) == 0, "a hint that comes twice sends nothing"

    def broken(session: Session) -> None:
        tell(session, programme.partner_id, Event.PERIOD_AGREED, {"period_id": new_id()}, now=programme.now)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        programme.database.run(broken)
    assert hinted == [second.id], "nothing is hinted of what was rolled back"
    assert hooks.courier.turn() == 1, "the sweep finds what nobody hinted at"
    assert hooks.rows()[0].id == first.id


def test_the_task_of_a_hint_sends_what_its_id_names(hooks: Hooks, tmp_path: Path) -> None:
    hooks.add()
    tell_one(hooks)
    tell_one(hooks)
    programme = hooks.programme
    settings = Settings(data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0")
    services = Services(
        settings, programme.database, programme.vault, programme.ring, providers={}, sender=hooks.sender
    )
    celery = create_celery(services)
    celery.tasks[WEBHOOK].run(str(hooks.rows()[1].id))
    assert [row.state for row in hooks.rows()] == ["waiting", "delivered"]
    tell_one(hooks)  # the broker is away: what is told stands, and no exception reaches whoever told it
    assert hooks.courier.turn() == 2


def test_a_redirect_is_not_followed(hooks: Hooks) -> None:
    hooks.add()
    hooks.receiver.statuses, hooks.receiver.location = [307], hooks.receiver.address
    tell_one(hooks)
    hooks.courier.turn()
    assert len(hooks.receiver.got) == 1
    assert (hooks.rows()[0].state, hooks.rows()[0].outcome_code) == ("waiting", "http_307")


def test_a_failing_endpoint_does_not_hold_up_another(hooks: Hooks) -> None:
    hooks.add("http://127.0.0.1:1/nobody")
    hooks.add()
    for _ in range(3):
        tell_one(hooks)
    assert hooks.courier.turn() == 4, "one try at the dead one, three that arrive"
    assert len(hooks.receiver.got) == 3
    assert sorted(row.outcome_code or "" for row in hooks.rows()) == ["", "", "connect_failed"] + ["http_204"] * 3


def test_a_client_that_breaks_and_a_missing_one_cost_a_try_only(hooks: Hooks) -> None:
    class Broken(NoSender):
        def post(self, *_: object) -> Answer:
            raise ZeroDivisionError

    hooks.add()
    tell_one(hooks)
    programme = hooks.programme
    for sender, code in ((Broken(), "ZeroDivisionError"), (NoSender(), "no_sender")):
        courier = Courier(programme.database, sender, programme.vault, lambda: programme.now)
        assert courier.turn() == 1
        assert (hooks.rows()[0].state, hooks.rows()[0].outcome_code) == ("waiting", code)
        programme.later(minutes=5)


def test_the_thread_of_the_messages_takes_the_couriers_turns(hooks: Hooks) -> None:
    hooks.add()
    tell_one(hooks)
    worker = MessageWorker(hooks.courier, idle=0.02, name="courier")
    worker.start()
    done = threading.Event()
    for _ in range(500):
        if hooks.rows()[0].state == "delivered":
            break
        done.wait(0.02)
    assert worker.stop()
    assert hooks.rows()[0].state == "delivered"
