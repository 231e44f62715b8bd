"""Putting a message in the outbox, and who wants none. Nothing is sent here: the row is the order to send."""

from __future__ import annotations

import json
import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from voucher_service.crypto import Place, Vault, seal, unseal
from voucher_service.errors import BadInput, Conflict, Erased, NotFound
from voucher_service.messages.encoding import MOST_PARTS, Alphabet, encode, simplified
from voucher_service.messages.gateways import Channel
from voucher_service.messages.models import Message, MessageGateway, MessageState, OptOut
from voucher_service.messages.texts import VOUCHER_LINK, Text, filled, text_for
from voucher_service.people.phones import read_mobile, tail
from voucher_service.vouchers.models import Voucher, VoucherState

_ADDRESS = re.compile(r"[^\s@\"<>(),;:\\\[\]]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")


def read_recipient(channel: Channel, text: str) -> str:
    """Return the number (E.164) or the address that someone typed. Raises BadInput: `recipient`."""
    if channel is Channel.SMS:
        return read_mobile(text, field="recipient")
    address = text.strip()
    if not _ADDRESS.fullmatch(address) or len(address) > 200:
        raise BadInput("Cette adresse n’est pas complète : prenom@exemple.fr.", field="recipient")
    return address


def compose(
    session: Session, voucher: Voucher, *, channel: Channel, language: str, link: str, plain: bool = False
) -> Text:
    """Return the text that takes a person to their voucher's page; with `plain`, without rare characters."""
    text = filled(text_for(session, VOUCHER_LINK, channel, language), link=link, last_day=voucher.last_day)
    return Text(simplified(text.subject), simplified(text.body)) if plain else text


def queue_voucher_link(
    session: Session,
    vault: Vault,
    *,
    message_id: UUID,
    voucher_id: UUID,
    channel: Channel,
    recipient: str,
    language: str,
    link: str,
    plain: bool,
    actor: str,
    now: datetime,
) -> Message:
    """Put a voucher's link in the outbox. The same `message_id` again answers with the first message.

    `recipient` is as typed. `plain` gives accents up so that the text needs fewer parts.

    Raises:
        BadInput: `recipient`, or a text of too many parts. NotFound: no such voucher.
        Conflict: `voucher_not_live`; `opted_out`: they want no messages; `no_gateway`: nothing to send with.
    """
    known = session.get(Message, message_id)
    if known is not None:
        return known
    voucher = session.get(Voucher, voucher_id)
    if voucher is None:
        raise NotFound("Ce bon n’existe pas.")
    to = read_recipient(channel, recipient)
    if voucher.state != VoucherState.ISSUED.value:
        raise Conflict("Ce bon ne sert plus : il n’y a rien à envoyer.", code="voucher_not_live")
    lookup = lookup_of(vault, channel, to)
    if session.get(OptOut, lookup) is not None:
        raise Conflict(
            "Cette personne ne veut plus de messages : donnez-lui le bon autrement.",
            code="opted_out",
        )
    if active_gateway(session, channel) is None:
        raise Conflict("Aucune passerelle n’est réglée pour ces messages : voyez Messages.", code="no_gateway")
    text = compose(session, voucher, channel=channel, language=language, link=link, plain=plain)
    message = _row(vault, message_id, channel, text, to)
    message.template, message.language, message.voucher_id = VOUCHER_LINK, language, voucher_id
    message.recipient_lookup = lookup
    message.created_by, message.created_at, message.due_at = actor, now, now
    session.add(message)
    session.flush()
    return message


def _row(vault: Vault, message_id: UUID, channel: Channel, text: Text, to: str) -> Message:
    alphabet, parts = Alphabet.UCS2, 1
    if channel is Channel.SMS:
        encoded = encode(text.body)
        alphabet, parts = encoded.alphabet, encoded.parts
    if parts > MOST_PARTS:
        raise BadInput("Ce texte ferait plus de {most} SMS : raccourcissez-le.", field="body", most=MOST_PARTS)
    key, wrapped = vault.new_key(_place("wrapped_key", message_id))
    return Message(
        id=message_id,
        channel=channel.value,
        wrapped_key=wrapped,
        recipient_sealed=seal(key, _place("recipient", message_id), to.encode()),
        text_sealed=seal(key, _place("text", message_id), json.dumps(text).encode()),
        tail=tail(to) if channel is Channel.SMS else None,
        alphabet=int(alphabet),
        parts=parts,
        state=MessageState.WAITING.value,
        tries=0,
    )


def opened(vault: Vault, message: Message) -> tuple[str, Text]:
    """Return the recipient and the text in clear. Raises Erased: the key is gone."""
    if message.wrapped_key is None or message.recipient_sealed is None or message.text_sealed is None:
        raise Erased("Ce message a été effacé : il ne reste que sa trace.")
    key = vault.open_key(_place("wrapped_key", message.id), message.wrapped_key)
    recipient = unseal(key, _place("recipient", message.id), message.recipient_sealed).decode()
    return recipient, Text(*json.loads(unseal(key, _place("text", message.id), message.text_sealed)))


def _place(column: str, message_id: UUID) -> Place:
    return Place("message", column, str(message_id))


def lookup_of(vault: Vault, channel: Channel, recipient: str) -> bytes:
    """Return the keyed hash a number or an address is found by: the same as `people` keeps for a number."""
    return vault.lookup("phone" if channel is Channel.SMS else "email", recipient.lower())


def active_gateway(session: Session, channel: Channel) -> MessageGateway | None:
    """Return the gateway in use for the channel, if one is set."""
    return session.scalar(
        select(MessageGateway).where(MessageGateway.channel == channel.value, MessageGateway.ended_at.is_(None))
    )


def opt_out(session: Session, lookup: bytes, *, source: str, actor: str, now: datetime) -> None:
    """Note that they want no messages, and stop those that still wait. Idempotent."""
    if session.get(OptOut, lookup) is None:
        session.add(OptOut(recipient_lookup=lookup, source=source, noted_by=actor, noted_at=now))
    session.execute(
        update(Message)
        .where(Message.recipient_lookup == lookup, Message.state == MessageState.WAITING.value)
        .values(state=MessageState.BLOCKED.value, due_at=None, outcome_code="opted_out", final_at=now)
        .execution_options(synchronize_session=False)
    )
    session.flush()


def opt_in(session: Session, lookup: bytes) -> bool:
    """Note that they want messages again, as they said themselves; say whether they had wanted none."""
    found = session.scalar(
        delete(OptOut)
        .where(OptOut.recipient_lookup == lookup)
        .returning(OptOut.recipient_lookup)
        .execution_options(synchronize_session=False)
    )
    return found is not None


def erase_messages(session: Session, voucher_ids: object, *, now: datetime) -> None:
    """Destroy what these vouchers' messages say of a person; one that still waits is not sent.

    `voucher_ids` is a list or a subquery of ids.
    """
    theirs = Message.voucher_id.in_(voucher_ids)  # type: ignore[arg-type]  # a list or a subquery, as SQL takes them
    session.execute(
        update(Message)
        .where(theirs, Message.state.in_([MessageState.WAITING.value]))
        .values(state=MessageState.BLOCKED.value, due_at=None, outcome_code="erased", final_at=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Message)
        .where(theirs)
        .values(wrapped_key=None, recipient_sealed=None, text_sealed=None, recipient_lookup=None, tail=None)
        .execution_options(synchronize_session=False)
    )
