"""SMPP 3.4: short messages to a message centre, and its receipts. Bound as a transceiver.

Nothing of a message has left until its first `submit_sm` is written, so a connection that lay idle is tried
with `enquire_link` first: a dead one is then `NotSent`, not `Unknown`.
"""

from __future__ import annotations

import logging
import re
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smpplib import consts, exceptions, smpp
from smpplib.client import Client

from voucher_service.messages.encoding import Alphabet
from voucher_service.messages.gateways import (
    GatewaySettingsBad,
    Handle,
    Inbound,
    NotSent,
    Outcome,
    Outgoing,
    Receipt,
    ReceiptState,
    Refused,
    Sent,
    Unknown,
)

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 20.0
_IDLE_SECONDS = 5.0
_COME_BACK_LATER = {consts.SMPP_ESME_RTHROTTLED, consts.SMPP_ESME_RMSGQFUL}
_RECEIPT_BITS = 0x3C  # of esm_class: the message type (SMPP 3.4, 5.2.12)
_RECEIPT = 0x04
_TEXT = re.compile(rb"id:(?P<id>[^ ]{1,65}).*?stat:(?P<stat>[A-Z]{3,10})", re.DOTALL)
_STATES = {
    "DELIVRD": ReceiptState.DELIVERED,
    "EXPIRED": ReceiptState.FAILED,
    "DELETED": ReceiptState.FAILED,
    "UNDELIV": ReceiptState.FAILED,
    "REJECTD": ReceiptState.FAILED,
}
_BASES = {"decimal": (16, 10), "hex": (10, 16)}
"""The bases of the reference in the answer and in the receipt, for centres that use two."""

_NUMBERED = {2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD"}

# The library logs each PDU in hexadecimal at DEBUG: numbers and texts stay out of logs whatever the level.
_silent = logging.getLogger("coup_de_pouce.smpp")
_silent.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class SmppSettings:
    """What a message centre asks for. `sender` is a number of ours or up to eleven letters."""

    host: str
    port: int
    system_id: str
    password: str
    sender: str
    tls: bool
    receipt_ids: str = ""  # "decimal": named in hexadecimal by the answer, in decimal by its receipt; "hex": reversed


def open_smpp(values: Mapping[str, str]) -> SmppGateway:
    """Return the gateway of these settings, not yet connected. Raises GatewaySettingsBad."""
    for name, pattern in {
        "host": r"[A-Za-z0-9.-]{1,200}",
        "port": r"[0-9]{1,5}",
        "system_id": r"[!-~]{1,15}",
        "password": r"[!-~]{0,8}",
        "sender": r"\+?[0-9]{3,15}|[A-Za-z0-9 ]{1,11}",
        "tls": r"|yes|no",
        "alphabet": r"|gsm|ucs2",
        "receipt_ids": r"|same|decimal|hex",
    }.items():
        if not re.fullmatch(pattern, values.get(name, "")):
            raise GatewaySettingsBad(name)
    if not 0 < int(values["port"]) < 65536:
        raise GatewaySettingsBad("port")
    return SmppGateway(
        SmppSettings(
            values["host"],
            int(values["port"]),
            values["system_id"],
            values["password"],
            values["sender"],
            values.get("tls") == "yes",
            values.get("receipt_ids", ""),
        )
    )


class _Link(Client):  # type: ignore[misc]  # the library has no types
    """The library's client, with a host name for TLS and addresses of both families."""

    def connect(self) -> None:
        """Connect within CONNECT_SECONDS."""
        try:
            raw = socket.create_connection((self.host, self.port), CONNECT_SECONDS)
            raw.settimeout(self.timeout)
            self._socket = self._ssl_context.wrap_socket(raw, server_hostname=self.host) if self._ssl_context else raw
        except OSError as fault:
            raise exceptions.ConnectionError(type(fault).__name__) from fault
        self.state = consts.SMPP_CLIENT_STATE_OPEN

    def readable(self, wait: float) -> bool:
        """Say whether something came in, waiting for `wait` seconds at most."""
        pending = getattr(self._socket, "pending", None)
        return bool(pending and pending()) or bool(select.select([self._socket], [], [], wait)[0])


class SmppGateway:
    """One bound connection, opened when first needed and again after a loss."""

    def __init__(self, settings: SmppSettings) -> None:
        self._settings = settings
        self._link: _Link | None = None
        self._used_at = 0.0
        self._came: deque[Any] = deque()  # deliver_sm that arrived while an answer was awaited, not acknowledged yet

    def send(self, message: Outgoing) -> Outcome:
        """Submit each part and wait for its answer."""
        try:
            link = self._bound()
        except (exceptions.PDUError, exceptions.ConnectionError, OSError) as fault:
            self.close()
            return NotSent("bind_refused" if isinstance(fault, exceptions.PDUError) else "no_connection")
        refs: list[str] = []
        for octets in message.parts:
            try:
                status, ref = self._submit(link, message, octets, joined=len(message.parts) > 1)
            except (exceptions.PDUError, exceptions.ConnectionError, OSError) as fault:
                self.close()
                return Unknown(type(fault).__name__, tuple(refs))
            if status != consts.SMPP_ESME_ROK:
                return _declined(status, tuple(refs))
            refs.append(ref)
        return Sent(tuple(refs))

    def receive(self, handle: Handle, *, wait: float) -> int:
        """Pass on receipts and answers; each is acknowledged once `handle` has kept it."""
        link = self._bound()
        until, done = time.monotonic() + wait, 0
        while True:
            while self._came:
                pdu = self._came[0]
                came = read_delivery(pdu, base=_BASES.get(self._settings.receipt_ids, (0, 0))[1])
                if came is not None:
                    handle(came)
                    done += 1
                self._acknowledge(link, pdu, "deliver_sm_resp")
                self._came.popleft()
            if not link.readable(max(0.0, until - time.monotonic())):
                return done
            self._take(link, link.read_pdu())

    def check(self) -> str:
        """Bind, and say nothing is wrong or what."""
        try:
            self.close()
            self._bound()
        except exceptions.PDUError:
            return "bind_refused"
        except (exceptions.ConnectionError, OSError):
            return "no_connection"
        return ""

    def close(self) -> None:
        """Unbind as far as the other side still listens, and hang up. What was not acknowledged comes again."""
        link, self._link = self._link, None
        self._came.clear()
        if link is None:
            return
        try:
            if link.state == consts.SMPP_CLIENT_STATE_BOUND_TRX:
                link.send_pdu(smpp.make_pdu("unbind", client=link))
        except (exceptions.PDUError, exceptions.ConnectionError, OSError):
            pass  # it hung up first
        link.disconnect()

    def _bound(self) -> _Link:
        if self._link is not None and time.monotonic() - self._used_at > _IDLE_SECONDS:
            self._probe(self._link)
        if self._link is None:
            context = ssl.create_default_context() if self._settings.tls else None
            link = _Link(
                self._settings.host,
                self._settings.port,
                timeout=ANSWER_SECONDS,
                logger_name=_silent.name,
                ssl_context=context,
                allow_unknown_opt_params=True,
            )
            self._link = link
            link.connect()
            link.bind_transceiver(system_id=self._settings.system_id, password=self._settings.password)
            self._used_at = time.monotonic()
        return self._link

    def _probe(self, link: _Link) -> None:
        try:
            self._ask(link, smpp.make_pdu("enquire_link", client=link))
        except (exceptions.PDUError, exceptions.ConnectionError, OSError):
            self.close()  # a connection that died while idle: bind again, nothing of the message has left

    def _submit(self, link: _Link, message: Outgoing, octets: bytes, *, joined: bool) -> tuple[int, str]:
        sender = self._settings.sender
        by_number = sender.lstrip("+").isdigit()
        pdu = smpp.make_pdu(
            "submit_sm",
            client=link,
            source_addr_ton=consts.SMPP_TON_INTL if by_number else consts.SMPP_TON_ALNUM,
            source_addr_npi=consts.SMPP_NPI_ISDN if by_number else consts.SMPP_NPI_UNK,
            source_addr=sender.lstrip("+"),
            dest_addr_ton=consts.SMPP_TON_INTL,
            dest_addr_npi=consts.SMPP_NPI_ISDN,
            destination_addr=message.recipient.lstrip("+"),
            esm_class=consts.SMPP_GSMFEAT_UDHI if joined else consts.SMPP_MSGMODE_DEFAULT,
            data_coding=int(message.alphabet),
            short_message=octets,
            registered_delivery=1,
        )
        answer = self._ask(link, pdu)
        base = _BASES.get(self._settings.receipt_ids, (0, 0))[0]
        return int(answer.status), _one_form(_text(getattr(answer, "message_id", b"")), base)

    def _ask(self, link: _Link, pdu: Any) -> Any:
        """Send one PDU and return its answer; what else comes in meanwhile is kept or answered."""
        link.send_pdu(pdu)
        until = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < until:
            answer = link.read_pdu()
            if answer.sequence == pdu.sequence and answer.command in {f"{pdu.command}_resp", "generic_nack"}:
                self._used_at = time.monotonic()
                return answer
            self._take(link, answer)
        raise TimeoutError

    def _take(self, link: _Link, pdu: Any) -> None:
        if pdu.command == "deliver_sm":
            self._came.append(pdu)
        elif pdu.command in {"enquire_link", "unbind"}:
            self._acknowledge(link, pdu, f"{pdu.command}_resp")
            if pdu.command == "unbind":
                raise exceptions.ConnectionError("unbound")
        self._used_at = time.monotonic()

    def _acknowledge(self, link: _Link, pdu: Any, command: str) -> None:
        answer = smpp.make_pdu(command, client=link, status=consts.SMPP_ESME_ROK)
        answer.sequence = pdu.sequence
        link.send_pdu(answer)


def _declined(status: int, refs: tuple[str, ...]) -> Outcome:
    code = f"smpp_{status:#x}"
    if refs:
        return Unknown(code, refs)  # a part of it has gone: sending all again would repeat that part
    return NotSent(code) if status in _COME_BACK_LATER else Refused(code)


def _one_form(ref: str, base: int) -> str:
    """Return a centre's reference in the form we keep: as it is (0), or as the decimal number it is in `base`."""
    try:
        return str(int(ref, base)) if base else ref
    except ValueError:
        return ref


def read_delivery(pdu: Any, *, base: int = 0) -> Receipt | Inbound | None:
    """Return what a `deliver_sm` says: a receipt, or what somebody wrote; None when it says neither.

    `base` is that of the numbers by which receipts name messages; 0: they are named as in the answer.
    """
    body: bytes = pdu.short_message or getattr(pdu, "message_payload", None) or b""
    if (pdu.esm_class or 0) & _RECEIPT_BITS == _RECEIPT:
        found = _TEXT.search(body)
        ref = _text(pdu.receipted_message_id) or (_text(found["id"]) if found else "")
        word = _NUMBERED.get(pdu.message_state) or (found["stat"].decode() if found else "UNKNOWN")
        ref = _one_form(ref, base)
        return Receipt(ref, _STATES.get(word, ReceiptState.UNDER_WAY), word) if ref else None
    coding = "utf-16-be" if pdu.data_coding == Alphabet.UCS2 else "latin-1"
    return Inbound(_text(pdu.source_addr), body.decode(coding, "replace"))


def _text(value: bytes | str | None) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value or ""
    return text.rstrip("\x00")
