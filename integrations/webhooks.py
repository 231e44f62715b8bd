"""Posting webhooks to partners' addresses, with the limits and the list of allowed addresses of all partners."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from integrations.addresses import AddressRefused, check_base, may_connect
from integrations.http import Fault, Line
from voucher_service.webhooks.sender import Answer

ANSWER_SECONDS: Final = 15.0


class HttpSender:
    """Posts over HTTPS to public addresses; `private` allows http and addresses of this machine and network too."""

    def __init__(self, *, private: bool, limit: float = ANSWER_SECONDS) -> None:
        self._private = private
        self._limit = limit

    def refusal(self, address: str) -> str:
        """Return why nothing may be sent there, or an empty text. What a name leads to is looked at on each try."""
        try:
            check_base(address, private=self._private)
            number = ipaddress.ip_address(urlsplit(address).hostname or "")
        except AddressRefused as refused:
            return str(refused)
        except ValueError:
            return ""  # a name, not a number
        return "" if may_connect(number, private=self._private) else "address_refused"

    def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send these bytes once; the answer's content is not looked at."""
        try:
            line = Line(address, name="webhook", private=self._private)
            reply = line.post_bytes("/" if address.endswith("/") else "", body, limit=self._limit, headers=headers)
        except AddressRefused as refused:
            return Answer(None, str(refused))
        except Fault as fault:
            return Answer(None, fault.code)
        return Answer(reply.status, f"http_{reply.status}")
