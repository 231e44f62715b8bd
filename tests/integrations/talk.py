"""A partner over real HTTP, one level above sockets: a function answers, or a fault befalls the next order."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from tests.integrations.sockets import Machine, machine, plain, reset


@dataclass(frozen=True)
class Asked:
    """One request as the partner sees it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Said:
    """One answer: `body` is sent as JSON, bytes as they are."""

    status: int
    body: object = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        """Return the bytes of the answer."""
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return plain(f"{self.status} X", body, *(f"{name}: {value}" for name, value in self.headers.items()))


Mishap = Callable[[socket.socket, Said], None]
"""What happens in place of an answer; it is given the answer that would have been."""


def hang_up(line: socket.socket, _said: Said) -> None:
    """The connection is reset after the request came in."""
    reset(line)


def torn(line: socket.socket, said: Said) -> None:
    """The answer breaks off."""
    line.sendall(said.raw()[:-1])
    time.sleep(0.02)
    reset(line)


def silence(line: socket.socket, _said: Said) -> None:
    """No answer within the client's patience."""
    line.settimeout(3)
    line.recv(1)


def instead(said: Said) -> Mishap:
    """Another answer is given than the partner meant to."""
    return lambda line, _: line.sendall(said.raw())


class Partner(Protocol):
    """A partner's machine: it answers, and knows which requests are orders."""

    def answer(self, asked: Asked) -> Said:
        """Return the answer."""

    def is_order(self, asked: Asked) -> bool:
        """Say whether the request orders a top-up."""


@dataclass
class Served:
    """A running partner. `asked` is its journal; `mishap` befalls orders, `question_mishap` all other requests."""

    partner: Partner
    base: str = ""
    asked: list[Asked] = field(default_factory=list)
    mishap: Mishap | None = None
    question_mishap: Mishap | None = None

    @property
    def orders(self) -> list[Asked]:
        """Return the orders that came in."""
        return [one for one in self.asked if self.partner.is_order(one)]


@contextmanager
def served(partner: Partner) -> Iterator[Served]:
    """Run the partner on a port of its own."""
    made = Served(partner)
    lock = threading.Lock()

    def behave(here: Machine, line: socket.socket) -> None:
        request = _request(here.read_request(line))
        with lock:
            made.asked.append(request)
            said = partner.answer(request)
        mishap = made.mishap if partner.is_order(request) else made.question_mishap
        if mishap is None:
            line.sendall(said.raw())
        else:
            mishap(line, said)

    with machine(behave) as there:
        made.base = there.base
        yield made


def _request(raw: bytes) -> Asked:
    head, _, content = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _version = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    parts = urlsplit(target)
    return Asked(method, parts.path, dict(parse_qsl(parts.query)), headers, json.loads(content) if content else None)
