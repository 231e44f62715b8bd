"""The outbox: queued once, sealed, stopped by the person's word or by events, never left in a worker's hands."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.messages.conftest import LINK, Post
from tests.programme import Programme
from voucher_service.errors import BadInput, Conflict, Erased
from voucher_service.ids import new_id
from voucher_service.messages.gateways import Channel, GatewayKind
from voucher_service.messages.models import MessageState
from voucher_service.messages.outbox import erase_messages, lookup_of, opened, opt_in, opt_out
from voucher_service.messages.sending import claim
from voucher_service.messages.texts import check_text
from voucher_service.vouchers import life


def test_the_same_request_is_one_message(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    post.use(GatewayKind.CONSOLE)
    message_id = new_id()
    assert post.queue(message_id=message_id) == post.queue(message_id=message_id)
    assert post.messenger.turn() == 1
    assert post.messenger.turn() == 0
    assert post.row(message_id).state == MessageState.DELIVERED
    assert capsys.readouterr().out.count(LINK) == 1


def test_two_workers_never_hold_one_message(post: Post) -> None:
    post.use(GatewayKind.CONSOLE)
    post.queue()
    with post.programme.database.begin() as session:
        assert claim(session, post.programme.now) is not None
    with post.programme.database.begin() as session:
        assert claim(session, post.programme.now) is None


def test_a_worker_that_died_while_sending_leaves_an_unknown(post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    post.use(GatewayKind.CONSOLE)
    message_id = post.queue()
    with post.programme.database.begin() as session:
        claim(session, post.programme.now)
    post.programme.later(minutes=10)
    assert post.messenger.turn() == 0
    row = post.row(message_id)
    assert (row.state, row.outcome_code) == (MessageState.UNKNOWN, "lease_passed")
    assert LINK not in capsys.readouterr().out


def test_a_planted_sweep_that_sends_what_a_dead_worker_held_would_send_twice(
    post: Post, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("voucher_service.messages.sending._set_aside", lambda *_: None)
    post.use(GatewayKind.CONSOLE)
    post.queue()
    with post.programme.database.begin() as session:
        claim(session, post.programme.now)  # this worker sent it, and died before it could say so
    post.programme.later(minutes=10)
    post.messenger.turn()
    assert LINK in capsys.readouterr().out, "without the rule it is sent a second time"


def test_a_voucher_spent_meanwhile_is_not_sent(post: Post) -> None:
    post.use(GatewayKind.CONSOLE)
    message_id = post.queue()
    post.programme.database.run(
        life.cancel, post.voucher_id, actor="staff:test", reason="papier perdu", now=post.programme.now
    )
    post.messenger.turn()
    assert (post.row(message_id).state, post.row(message_id).outcome_code) == ("failed", "voucher_not_live")
    with pytest.raises(Conflict) as refused:
        post.queue()
    assert refused.value.code == "voucher_not_live"


def test_an_opt_out_stops_what_waits_and_is_taken_back_by_the_person_only(post: Post) -> None:
    post.use(GatewayKind.CONSOLE)
    message_id = post.queue()
    lookup = lookup_of(post.programme.vault, Channel.SMS, "+33639981234")
    post.programme.database.run(opt_out, lookup, source="desk", actor="staff:test", now=post.programme.now)
    assert post.messenger.turn() == 0
    assert post.row(message_id).state == MessageState.BLOCKED
    with pytest.raises(Conflict):
        post.queue()
    assert post.programme.database.run(opt_in, lookup)
    assert post.row(post.queue()).state == MessageState.WAITING


def test_without_a_gateway_nothing_is_promised(post: Post) -> None:
    with pytest.raises(Conflict) as refused:
        post.queue()
    assert refused.value.code == "no_gateway"


@pytest.mark.parametrize("typed", ["01 23 45 67 89", "bonjour", "06 39 98 12", "a@b"])
def test_a_wrong_recipient_is_refused(post: Post, typed: str) -> None:
    post.use(GatewayKind.CONSOLE)
    with pytest.raises(BadInput) as refused:
        post.queue(typed)
    assert refused.value.field == "recipient"


def test_number_link_and_settings_stand_nowhere_in_clear(sqlite_url: str, tmp_path: Path) -> None:
    post = Post.of(Programme.make(sqlite_url))
    secret = "geheim99"
    post.use(GatewayKind.SMPP, host="127.0.0.1", port="1", system_id="esme", password=secret, sender="12345")
    message_id = post.queue()
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert message_id.hex.encode() in stored or message_id.bytes in stored, "the row is where it is looked for"
    for hidden in ("639981234", "k" * 43, secret):
        assert hidden.encode() not in stored


def test_erasing_leaves_the_trace_and_nothing_personal(post: Post) -> None:
    post.use(GatewayKind.CONSOLE)
    message_id = post.queue()
    with post.programme.database.begin() as session:
        erase_messages(session, [post.voucher_id], now=post.programme.now)
    row = post.row(message_id)
    assert (row.state, row.outcome_code, row.tail, row.recipient_lookup) == ("blocked", "erased", None, None)
    with pytest.raises(Erased):
        opened(post.programme.vault, row)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("Bonjour {name} : {link}", "body"),
        ("Votre code PIN : {pin} {link}", "body"),
        ("Un Coup de Pouce pour vous : {link}", "body"),
        ("Emmaus vous écrit : {link}", "body"),
        ("Le code PIN est sur {link}", "body"),
        ("Bonjour, venez nous voir.", "body"),
        ("{link} " + "ê" * 590, "body"),
        ("{link {day}", "body"),
    ],
)
def test_a_text_that_would_tell_too_much_is_refused(body: str, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_text(Channel.SMS, "", body)
    assert refused.value.field == field


def test_the_database_refuses_a_message_that_is_due_and_done(post: Post) -> None:
    post.use(GatewayKind.CONSOLE)
    post.queue()
    with pytest.raises(Exception, match="due"), post.programme.database.begin() as session:
        session.execute(text("UPDATE message SET state = 'sent'"))
