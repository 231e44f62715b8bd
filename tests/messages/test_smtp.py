"""Mail through a real mail server (aiosmtpd), and what each of its answers means."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.messages.conftest import LINK, Post
from tests.served import free_port
from voucher_service.errors import BadInput
from voucher_service.messages.gateways import Channel, GatewayKind
from voucher_service.messages.models import MessageState


@dataclass
class Server:
    """What arrived, and what the server answers to the address and to the text."""

    port: int
    arrived: list[bytes] = field(default_factory=list)
    to_rcpt: str = "250 OK"
    to_data: str = "250 OK"

    async def handle_RCPT(self, _s: Any, _n: Any, envelope: Any, address: str, _o: Any) -> str:  # noqa: N802
        """Answer to the address."""
        envelope.rcpt_tos.append(address)
        return self.to_rcpt

    async def handle_DATA(self, _s: Any, _n: Any, envelope: Any) -> str:  # noqa: N802
        """Answer to the text."""
        self.arrived.append(envelope.content)
        return self.to_data


@pytest.fixture
def server() -> Iterator[Server]:
    """A running mail server."""
    made = Server(free_port())
    controller = Controller(made, hostname="127.0.0.1", port=made.port)
    controller.start()
    yield made
    controller.stop()


def use(post: Post, server: Server) -> None:
    """Send by this server."""
    post.use(
        GatewayKind.SMTP,
        Channel.EMAIL,
        host="127.0.0.1",
        port=str(server.port),
        sender="ne-pas-repondre@example.org",
        tls="no",
    )


def test_a_mail_arrives_whole_and_says_nothing_on_a_locked_screen(post: Post, server: Server) -> None:
    use(post, server)
    message_id = post.queue("awa@example.org", channel=Channel.EMAIL)
    assert post.messenger.turn() == 1
    (raw,) = server.arrived
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    body = mail.get_content()
    assert LINK in body
    assert "l’accueil" in body
    assert mail["Message-ID"] == f"<{message_id}@example.org>"
    assert mail["Subject"] == "Votre page"
    assert "coup" not in raw.decode().lower()
    assert post.row(message_id).state == MessageState.SENT


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ({"to_rcpt": "550 nobody"}, MessageState.FAILED),
        ({"to_rcpt": "450 later"}, MessageState.WAITING),
        ({"to_data": "554 no"}, MessageState.FAILED),
        ({"to_data": "451 later"}, MessageState.WAITING),
    ],
)
def test_what_an_answer_means(post: Post, server: Server, answers: dict[str, str], state: MessageState) -> None:
    use(post, server)
    for name, value in answers.items():
        setattr(server, name, value)
    message_id = post.queue("awa@example.org", channel=Channel.EMAIL)
    post.messenger.turn()
    assert post.row(message_id).state == state


def test_a_text_that_left_without_an_answer_is_unknown(
    post: Post, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(post, server)

    async def hang_up(session_server: Any, _n: Any, _envelope: Any) -> str:
        server.arrived.append(b"")
        session_server.transport.close()
        return "250 OK"

    monkeypatch.setattr(server, "handle_DATA", hang_up)
    message_id = post.queue("awa@example.org", channel=Channel.EMAIL)
    post.messenger.turn()
    assert post.row(message_id).state == MessageState.UNKNOWN
    post.programme.later(days=2)
    post.messenger.turn()
    assert len(server.arrived) == 1


def test_no_server_means_nothing_left(post: Post) -> None:
    use(post, Server(1))
    message_id = post.queue("awa@example.org", channel=Channel.EMAIL)
    post.messenger.turn()
    assert post.row(message_id).state == MessageState.WAITING


def test_a_password_in_clear_is_refused(post: Post) -> None:
    with pytest.raises(BadInput) as refused:
        post.use(
            GatewayKind.SMTP,
            Channel.EMAIL,
            host="mail.example.org",
            port="25",
            sender="a@example.org",
            user="u",
            password="p",
            tls="no",
        )
    assert refused.value.field == "tls"
