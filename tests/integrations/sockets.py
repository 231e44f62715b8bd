"""A partner's machine that behaves as told, down to the packet: real sockets, one thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Machine:
    """Counts what arrives. `seen` holds each connection's bytes, in the order they were opened."""

    behave: Callable[[Machine, socket.socket], None]
    seen: list[bytearray] = field(default_factory=list)
    port: int = 0

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def read_request(self, line: socket.socket) -> bytes:
        """Read one request, content and all."""
        got = self.seen[-1]
        while b"\r\n\r\n" not in got:
            got += self._some(line)
        head, _, content = bytes(got).partition(b"\r\n\r\n")
        length = next((int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-le")), 0)
        while len(content) < length:
            more = self._some(line)
            got += more
            content += more
        return bytes(got)

    def read_head(self, line: socket.socket) -> None:
        """Read until the content begins, byte by byte."""
        got = self.seen[-1]
        while not got.endswith(b"\r\n\r\n"):
            got += line.recv(1)

    @staticmethod
    def _some(line: socket.socket) -> bytes:
        more = line.recv(65536)
        if not more:
            raise ConnectionError("the client went away")
        return more

    def contents(self) -> int:
        """Return of how many connections content arrived."""
        return sum(bool(bytes(got).partition(b"\r\n\r\n")[2]) for got in self.seen)


def reset(line: socket.socket) -> None:
    """Hang up with a reset, not a goodbye."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


@contextlib.contextmanager
def machine(behave: Callable[[Machine, socket.socket], None]) -> Iterator[Machine]:
    """Run such a machine."""
    made = Machine(behave)
    with socket.create_server(("127.0.0.1", 0)) as door:
        made.port = door.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(made, door), daemon=True)
        thread.start()
        yield made
        door.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(made: Machine, door: socket.socket) -> None:
    while True:
        try:
            line, _ = door.accept()
        except OSError:
            return
        made.seen.append(bytearray())
        with line, contextlib.suppress(OSError):
            line.settimeout(10)
            made.behave(made, line)


def answering(*answers: bytes) -> Callable[[Machine, socket.socket], None]:
    """Return the behaviour that reads a request and sends these bytes, one answer for each connection."""

    def behave(made: Machine, line: socket.socket) -> None:
        made.read_request(line)
        line.sendall(answers[min(len(made.seen), len(answers)) - 1])

    return behave


def plain(status: str, body: bytes, *headers: str) -> bytes:
    """Return an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
