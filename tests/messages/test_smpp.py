"""A text message through a real message centre, to its receipt; and each way it can go wrong on the way."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.messages.centre import Centre
from tests.messages.conftest import LINK, Post
from voucher_service.errors import Conflict
from voucher_service.messages.gateways import Channel
from voucher_service.messages.models import MessageReceipt, MessageState
from voucher_service.messages.texts import VOUCHER_LINK, change_text

ACCENTS = "« Prêt : ça va, l’œuf coûte 5 € » {link} {day}"


def own_text(post: Post, body: str) -> None:
    with post.programme.database.begin() as session:
        change_text(
            session,
            key=VOUCHER_LINK,
            channel=Channel.SMS,
            language="fr",
            subject="",
            body=body,
            actor="staff:test",
            now=post.programme.now,
        )


def test_a_message_with_every_accent_arrives_and_its_receipt_comes_back(post: Post, sms_centre: Centre) -> None:
    post.use_centre(sms_centre.port)
    own_text(post, ACCENTS)
    message_id = post.queue()
    assert post.messenger.turn(wait=0.5) == 1
    row = post.row(message_id)
    assert sms_centre.said() == ACCENTS.replace("{link}", LINK).replace("{day}", "02/06")
    assert {one["destination_addr"] for one in sms_centre.taken} == {"33639981234"}
    assert {one["registered_delivery"] for one in sms_centre.taken} == {1}
    assert (row.parts, row.state) == (len(sms_centre.taken), MessageState.DELIVERED), "each part has its receipt"
    assert row.parts == 2


def test_a_short_text_in_the_short_alphabet_is_one_message(post: Post, sms_centre: Centre) -> None:
    post.use_centre(sms_centre.port)
    message_id = post.queue()
    post.messenger.turn(wait=0.5)
    assert [one["data_coding"] for one in sms_centre.taken] == [0]
    assert LINK in sms_centre.said()
    assert post.row(message_id).state == MessageState.DELIVERED


def test_a_receipt_twice_is_kept_once_and_an_end_is_final(post: Post, sms_centre: Centre) -> None:
    gateway = post.use_centre(sms_centre.port)
    sms_centre.receipts = False
    message_id = post.queue()
    post.messenger.turn()
    assert post.row(message_id).state == MessageState.SENT
    said = ["DELIVRD", "DELIVRD", "UNDELIV"]

    def push() -> None:
        for word in said:
            sms_centre.push(f"id:m1 stat:{word} err:000".encode(), sender="33639981234", esm_class=4)

    pusher = threading.Thread(target=push)
    pusher.start()
    post.messenger.turn(wait=1.5)
    pusher.join()
    assert post.row(message_id).state == MessageState.DELIVERED
    with post.programme.database.read() as session:
        kept = session.scalar(select(func.count()).where(MessageReceipt.gateway_id == gateway.id))
    assert kept == 1


def test_throttled_is_sent_later_and_only_then(post: Post, sms_centre: Centre) -> None:
    post.use_centre(sms_centre.port)
    sms_centre.answer = "throttle"
    message_id = post.queue()
    post.messenger.turn()
    row = post.row(message_id)
    assert (row.state, row.outcome_code, row.tries) == (MessageState.WAITING, "smpp_0x58", 1)
    sms_centre.answer = "accept"
    assert post.messenger.turn() == 0, "not before its time"
    post.programme.later(minutes=5)
    assert post.messenger.turn(wait=0.5) == 1
    assert post.row(message_id).state == MessageState.DELIVERED


def test_refused_is_final(post: Post, sms_centre: Centre) -> None:
    post.use_centre(sms_centre.port)
    sms_centre.answer = "refuse"
    message_id = post.queue()
    post.messenger.turn()
    post.programme.later(hours=5)
    post.messenger.turn()
    assert (post.row(message_id).state, len(sms_centre.taken)) == (MessageState.FAILED, 1)


def test_no_centre_means_nothing_left_and_it_is_sent_when_there_is_one(post: Post, sms_centre: Centre) -> None:
    post.use_centre(1)
    message_id = post.queue()
    post.messenger.turn()
    assert (post.row(message_id).state, post.row(message_id).outcome_code) == (MessageState.WAITING, "no_connection")
    post.use_centre(sms_centre.port)
    post.programme.later(minutes=5)
    post.messenger.turn(wait=0.5)
    assert (post.row(message_id).state, len(sms_centre.taken)) == (MessageState.DELIVERED, 1)


def test_a_lost_answer_is_unknown_and_never_sent_again(
    post: Post, sms_centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.smpp.ANSWER_SECONDS", 0.5)
    post.use_centre(sms_centre.port)
    sms_centre.answer = "silence"
    message_id = post.queue()
    post.messenger.turn()
    row = post.row(message_id)
    assert (row.state, row.due_at) == (MessageState.UNKNOWN, None)
    sms_centre.answer = "accept"
    post.programme.now += timedelta(days=2)
    post.messenger.turn()
    assert len(sms_centre.taken) == 1


def test_who_answers_stop_gets_no_more(post: Post, sms_centre: Centre) -> None:
    post.use_centre(sms_centre.port)
    post.queue()
    post.messenger.turn(wait=0.3)
    pusher = threading.Thread(target=lambda: sms_centre.push(b"STOP svp", sender="33639981234"))
    pusher.start()
    post.messenger.turn(wait=1.0)
    pusher.join()
    with pytest.raises(Conflict) as refused:
        post.queue()
    assert refused.value.code == "opted_out"
