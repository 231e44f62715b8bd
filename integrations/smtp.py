"""SMTP: messages to a mail server, step by step, so that what was lost before the text left can be sent again."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from voucher_service.messages.gateways import (
    GatewaySettingsBad,
    Handle,
    NotSent,
    Outcome,
    Outgoing,
    Refused,
    Sent,
    Unknown,
)

SECONDS = 20.0
_ADDRESS = re.compile(r"[^\s@<>\"]{1,64}@[A-Za-z0-9.-]{1,200}")


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """A mail server. `tls`: "start" (STARTTLS), "yes" (from the first byte) or "no" (a server of our own machine)."""

    host: str
    port: int
    user: str
    password: str
    sender: str
    tls: str


def open_smtp(values: Mapping[str, str]) -> SmtpGateway:
    """Return the gateway of these settings, not yet connected. Raises GatewaySettingsBad."""
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,200}", values.get("host", "")):
        raise GatewaySettingsBad("host")
    if not re.fullmatch(r"[0-9]{1,5}", values.get("port", "")) or not 0 < int(values["port"]) < 65536:
        raise GatewaySettingsBad("port")
    if not _ADDRESS.fullmatch(values.get("sender", "")):
        raise GatewaySettingsBad("sender")
    if values.get("tls", "") not in {"", "yes", "no", "start"}:
        raise GatewaySettingsBad("tls")
    if values.get("user") and values.get("tls") == "no":
        raise GatewaySettingsBad("tls")  # a password never travels in clear
    return SmtpGateway(
        SmtpSettings(
            values["host"],
            int(values["port"]),
            values.get("user", ""),
            values.get("password", ""),
            values["sender"],
            values.get("tls") or "start",
        )
    )


class SmtpGateway:
    """One connection a message: a mail server ends an idle one when it likes."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    def send(self, message: Outgoing) -> Outcome:
        """Hand one message over. Before the text leaves, a fault means it can be sent again."""
        try:
            server = self._connect()
        except smtplib.SMTPAuthenticationError:
            return NotSent("sign_in_refused")
        except (smtplib.SMTPException, OSError) as fault:
            return NotSent(_word(fault))
        try:
            refused = self._address(server, message.recipient)
            return refused or self._data(server, message)
        finally:
            server.close()

    def receive(self, handle: Handle, *, wait: float) -> int:  # noqa: ARG002  # as the protocol says
        """Nothing comes back this way: a bounce goes to the sender's mailbox."""
        return 0

    def check(self) -> str:
        """Connect and sign in."""
        try:
            self._connect().close()
        except smtplib.SMTPAuthenticationError:
            return "sign_in_refused"
        except (smtplib.SMTPException, OSError) as fault:
            return _word(fault)
        return ""

    def close(self) -> None:
        """Nothing stays open between messages."""

    def _connect(self) -> smtplib.SMTP:
        settings, context = self._settings, ssl.create_default_context()
        server: smtplib.SMTP
        if settings.tls == "yes":
            server = smtplib.SMTP_SSL(settings.host, settings.port, timeout=SECONDS, context=context)
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=SECONDS)
        try:
            server.ehlo_or_helo_if_needed()
            if settings.tls == "start":
                server.starttls(context=context)
                server.ehlo()
            if settings.user:
                server.login(settings.user, settings.password)
        except BaseException:
            server.close()
            raise
        return server

    def _address(self, server: smtplib.SMTP, recipient: str) -> Outcome | None:
        try:
            for code, _ in (server.mail(self._settings.sender), server.rcpt(recipient)):
                if code >= 400:
                    return _declined(code)
        except (smtplib.SMTPException, OSError) as fault:
            return NotSent(_word(fault))
        return None

    def _data(self, server: smtplib.SMTP, message: Outgoing) -> Outcome:
        try:
            code, _ = server.data(self._written(message))
        except smtplib.SMTPDataError as fault:  # the server would not even begin
            return _declined(fault.smtp_code)
        except (smtplib.SMTPException, OSError) as fault:
            return Unknown(_word(fault))
        return Sent((str(message.reference),)) if code == 250 else _declined(code)

    def _written(self, message: Outgoing) -> bytes:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._settings.sender
        mail["To"] = message.recipient
        mail["Subject"] = message.subject
        # The same name at every try, so that a mailbox can tell a repetition.
        mail["Message-ID"] = f"<{message.reference}@{self._settings.sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body)
        return mail.as_bytes()


def _declined(code: int) -> Outcome:
    word = f"smtp_{code}"
    return Refused(word) if code >= 500 else NotSent(word)


def _word(fault: Exception) -> str:
    return (
        "no_connection" if isinstance(fault, OSError) and not isinstance(fault, TimeoutError) else type(fault).__name__
    )
