"""A programme that sends messages: a voucher, a message centre, a messenger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy import select

from integrations.messages import build_gateways
from tests.messages.centre import SYSTEM_ID, Centre, centre
from tests.programme import Programme
from voucher_service.ids import new_id
from voucher_service.messages.gateways import Channel, GatewayKind
from voucher_service.messages.models import Message, MessageGateway
from voucher_service.messages.outbox import queue_voucher_link
from voucher_service.messages.settings import set_gateway
from voucher_service.messages.worker import Messenger

NUMBER = "+33639981234"
LINK = "https://example.org/mon-bon/" + "k" * 43


@dataclass
class Post:
    """What a desk does with messages."""

    programme: Programme
    messenger: Messenger
    voucher_id: UUID = field(default_factory=new_id)

    @classmethod
    def of(cls, programme: Programme) -> Post:
        """Return the post of a programme, with a voucher to send."""
        messenger = Messenger(programme.database, build_gateways(), programme.vault, lambda: programme.now)
        return cls(programme, messenger, programme.issue().id)

    def use(self, kind: GatewayKind, channel: Channel = Channel.SMS, **values: str) -> MessageGateway:
        """Send by this gateway from now on."""
        return self.programme.database.run(
            set_gateway,
            self.programme.vault,
            build_gateways(),
            channel=channel,
            kind=kind,
            values=values,
            actor="staff:test",
            now=self.programme.now,
        )

    def use_centre(self, port: int, **other: str) -> MessageGateway:
        """Send by the message centre at this port."""
        told = {"host": "127.0.0.1", "port": str(port), "system_id": SYSTEM_ID, "password": "x", "sender": "12345"}
        return self.use(GatewayKind.SMPP, Channel.SMS, **(told | other))

    def queue(self, recipient: str = "06 39 98 12 34", **changes: object) -> UUID:
        """Put the voucher's link in the outbox; return the message's id."""
        fields: dict[str, object] = {
            "message_id": new_id(),
            "voucher_id": self.voucher_id,
            "channel": Channel.SMS,
            "recipient": recipient,
            "language": "fr",
            "link": LINK,
            "plain": False,
            "actor": "staff:test",
            "now": self.programme.now,
        }
        made = self.programme.database.run(
            queue_voucher_link,
            self.programme.vault,
            **(fields | changes),  # type: ignore[arg-type]  # its own names
        )
        return made.id

    def row(self, message_id: UUID) -> Message:
        """The message as it stands."""
        with self.programme.database.read() as session:
            return session.scalars(select(Message).where(Message.id == message_id)).one()


@pytest.fixture
def post(programme: Programme) -> Iterator[Post]:
    """The post of a programme, on both databases."""
    made = Post.of(programme)
    yield made
    made.messenger.close()


@pytest.fixture
def sms_centre() -> Iterator[Centre]:
    """A running message centre."""
    with centre() as made:
        yield made
