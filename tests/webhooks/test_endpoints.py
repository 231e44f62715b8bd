"""Endpoints: secrets sealed and rotated, switched off by people and by receivers, nobody else's."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook, WebhookVerificationError

from tests.webhooks.acts import send_trial, tell_one, try_again, verified
from tests.webhooks.conftest import Hooks
from voucher_service.errors import BadInput, Conflict, NotFound
from voucher_service.ids import new_id
from voucher_service.webhooks import endpoints
from voucher_service.webhooks.models import TRIAL, Event, WebhookDelivery, WebhookEndpoint
from voucher_service.webhooks.outbox import again


def test_a_rotation_signs_with_both_secrets_for_its_overlap(hooks: Hooks) -> None:
    endpoint_id, old = hooks.add()
    programme = hooks.programme

    def rotate() -> str:
        return programme.database.run(
            endpoints.rotate, programme.vault, partner_id=programme.partner_id, endpoint_id=endpoint_id,
            now=programme.now,
        )[1]  # fmt: skip

    programme.now -= endpoints.OVERLAP  # so that the overlap is over at the present, which the verifier looks at
    new = rotate()
    assert new != old
    with pytest.raises(Conflict) as refused:
        rotate()
    assert refused.value.code == "webhook_rotating"
    programme.now += endpoints.OVERLAP - timedelta(seconds=1)
    tell_one(hooks)
    hooks.courier.turn()
    assert verified(hooks, old) == verified(hooks, new)
    programme.now += timedelta(seconds=1)
    tell_one(hooks)
    hooks.courier.turn()
    verified(hooks, new)
    with pytest.raises(WebhookVerificationError):
        verified(hooks, old)
    rotate()


def test_a_secret_is_sealed_at_rest(hooks: Hooks) -> None:
    endpoint_id, secret = hooks.add()
    with hooks.programme.database.read() as session:
        row = session.get_one(WebhookEndpoint, endpoint_id)
    raw = Webhook(secret)._whsecret
    assert len(raw) == 32
    assert raw not in row.secret_sealed
    assert endpoints.secrets_of(hooks.programme.vault, row, hooks.programme.now) == [raw]


def test_one_switched_off_is_told_nothing(hooks: Hooks) -> None:
    endpoint_id, _ = hooks.add()
    programme = hooks.programme
    tell_one(hooks)

    def switch(*, on: bool) -> None:
        programme.database.run(
            endpoints.switch, partner_id=programme.partner_id, endpoint_id=endpoint_id, on=on, actor="staff:test",
            now=programme.now,
        )  # fmt: skip

    switch(on=False)
    tell_one(hooks)
    assert hooks.courier.turn() == 0
    assert [row.state for row in hooks.rows()] == ["dropped"]
    with pytest.raises(Conflict) as refused:
        try_again(hooks)
    assert refused.value.code == "webhook_off"
    with pytest.raises(Conflict) as refused:
        send_trial(hooks, endpoint_id)
    assert refused.value.code == "webhook_off"
    switch(on=True)
    try_again(hooks)
    send_trial(hooks, endpoint_id)
    assert hooks.courier.turn() == 2
    assert [json.loads(body)["type"] for _, body in hooks.receiver.got] == ["statement.reconciled", TRIAL]


def test_a_receiver_that_is_gone_switches_itself_off(hooks: Hooks) -> None:
    endpoint_id, _ = hooks.add()
    hooks.receiver.statuses = [410]
    tell_one(hooks)
    tell_one(hooks)
    assert hooks.courier.turn() == 1
    assert [row.state for row in hooks.rows()] == ["given_up", "dropped"]
    with hooks.programme.database.read() as session:
        assert session.scalars(select(WebhookEndpoint.off_by)).one() == "system:gone"
    with pytest.raises(NotFound):
        hooks.programme.database.run(
            endpoints.switch, partner_id=new_id(), endpoint_id=endpoint_id, on=True, actor="x", now=hooks.programme.now
        )


def test_what_is_asked_wrongly_is_refused(hooks: Hooks) -> None:
    with pytest.raises(BadInput) as refused:
        hooks.add(events=[])
    assert refused.value.field == "events"
    for _ in range(endpoints.MAX_ENDPOINTS):
        hooks.add()
    with pytest.raises(Conflict) as full:
        hooks.add()
    assert full.value.code == "too_many_webhooks"


def test_deliveries_of_others_do_not_exist(hooks: Hooks) -> None:
    hooks.add()
    other, _ = hooks.add(events=[Event.PERIOD_AGREED])
    tell_one(hooks)
    programme, row = hooks.programme, hooks.rows()[0]
    assert isinstance(row, WebhookDelivery)
    for partner_id, endpoint_id in ((programme.partner_id, other), (new_id(), row.endpoint_id)):
        with pytest.raises(NotFound):
            programme.database.run(
                again, partner_id=partner_id, endpoint_id=endpoint_id, delivery_id=row.id, now=programme.now
            )
