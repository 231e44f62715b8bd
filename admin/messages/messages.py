"""What was sent, and a page that shows how a text would go before anybody sends it."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from admin import room
from admin.messages import words
from voucher_service.messages import lists
from voucher_service.messages.encoding import encode, simplified
from voucher_service.messages.models import Message, MessageState
from voucher_service.messages.settings import gateways
from voucher_service.web import doors

blueprint = Blueprint("messages", __name__, url_prefix="/messages")


class MessageFilter(BaseModel):
    """The filters above the list."""

    state: MessageState | None = None


class Tried(BaseModel):
    """A text somebody tries."""

    text: str = Field(default="", max_length=1000)


@blueprint.get("/")
@room.READ
def index() -> ResponseReturnValue:
    """List the messages, the newest first: never a number, never a text."""
    wanted = doors.read_query(MessageFilter)
    with doors.services().database.read() as session:
        query = lists.messages_query(state=wanted.state)
        found = doors.page_of(session, query, by=Message.id, parse=UUID)
        who = room.who(session, [one.created_by for one in found.items])
        ready = gateways(session)
    states = [(one.value, words.state(one)[0]) for one in MessageState]
    return room.page("messages/messages", found=found, wanted=wanted, who=who, states=states, ready=ready, say=words)


@blueprint.get("/try")
@room.READ
def try_text() -> ResponseReturnValue:
    """Show in which alphabet and how many parts a text goes, and what it would be without rare characters."""
    text = doors.read_query(Tried).text.replace("\r\n", "\n")
    encoded = encode(text) if text else None
    bare = simplified(text)
    shorter = encode(bare) if encoded and bare != text else None
    return room.page("messages/message_try", text=text, encoded=encoded, bare=bare, shorter=shorter, say=words)
