"""A partner over real HTTP, with faults, and a journal in a file of its own: `python -m tests.drills.partner_server`.

    POST /orders {"reference", "quantity"}   takes it once for each reference; 409 when it was taken before
    GET  /orders/<reference>                 what became of it

Of the orders it takes it answers a share only after the client has given up, resets a share of the connections
after taking it, and a share before; some it accepts and finishes later. The journal is written, and flushed to
the disk, before any answer leaves.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import ClassVar

SCHEMA = """
CREATE TABLE IF NOT EXISTS request (at REAL, kind TEXT, reference TEXT, taken INTEGER, fault TEXT);
CREATE TABLE IF NOT EXISTS taken (reference TEXT PRIMARY KEY, quantity INTEGER, done_at REAL);
"""


@dataclass(frozen=True)
class Faults:
    """Shares of the sendings that go wrong, and times in seconds."""

    reset_before: float = 0.05
    reset_after: float = 0.05
    slow: float = 0.05
    later: float = 0.10
    slow_for: float = 3.0
    later_by: float = 4.0


MODES = {"instant": Faults(0, 0, 0, 0), "slow": Faults(0, 0, 1, 0, slow_for=1.0), "takes all": Faults(reset_before=0)}
"""`takes all`: proving an absence takes a minute, which a share in the tests does not wait for."""


@dataclass
class Book:
    """What the partner wrote down; safe for several threads."""

    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=NORMAL")
        self.connection.executescript(SCHEMA)

    def take(self, reference: str, quantity: int, fault: str, done_at: float) -> bool:
        """Take the order unless it was taken before; say which. The request is written down either way."""
        with self.lock:
            fresh = (
                self.connection.execute(
                    "INSERT OR IGNORE INTO taken VALUES (?, ?, ?)", (reference, quantity, done_at)
                ).rowcount
                == 1
            )
            self._write("submit", reference, fault, taken=fresh)
        return fresh

    def lose(self, reference: str, fault: str) -> None:
        """Write a request down that is not taken."""
        with self.lock:
            self._write("submit", reference, fault, taken=False)

    def find(self, reference: str) -> tuple[int, float] | None:
        """Return quantity and when it is done."""
        with self.lock:
            self._write("query", reference, "", taken=False)
            row = self.connection.execute(
                "SELECT quantity, done_at FROM taken WHERE reference = ?", (reference,)
            ).fetchone()
        return None if row is None else (row[0], row[1])

    def _write(self, kind: str, reference: str, fault: str, *, taken: bool) -> None:
        self.connection.execute(
            "INSERT INTO request VALUES (?, ?, ?, ?, ?)", (time.time(), kind, reference, taken, fault)
        )


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave together
    disable_nagle_algorithm = True
    book: ClassVar[Book]
    faults: ClassVar[Faults]
    chance: ClassVar[Random]

    def do_POST(self) -> None:
        """Take an order, with a fault or without."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reference, faults, draw = str(body["reference"]), self.faults, self.chance.random()
        if draw < faults.reset_before:
            self.book.lose(reference, "reset before")
            self._reset()
            return
        draw -= faults.reset_before
        fault, done_at = "", 0.0
        if draw < faults.reset_after:
            fault = "reset after"
        elif draw < faults.reset_after + faults.slow:
            fault = "slow"
        elif draw < faults.reset_after + faults.slow + faults.later:
            fault, done_at = "later", time.time() + faults.later_by
        fresh = self.book.take(reference, int(body["quantity"]), fault, done_at)
        if fault == "reset after":
            self._reset()
            return
        if fault == "slow":
            time.sleep(faults.slow_for)
        if not fresh:
            self._answer(409, {"code": "reference_already_used"})
        else:
            self._answer(202 if fault == "later" else 201, {"id": f"H-{reference[-12:]}", "quantity": body["quantity"]})

    def do_GET(self) -> None:
        """Say what became of an order."""
        reference = self.path.rpartition("/")[2]
        if reference == "ready":
            self._answer(200, {})
        elif (found := self.book.find(reference)) is None:
            self._answer(404, {"code": "not_found"})
        else:
            state = "done" if found[1] <= time.time() else "taken"
            self._answer(200, {"id": f"H-{reference[-12:]}", "state": state, "quantity": found[0]})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Keep quiet: the journal tells all."""


class Server(ThreadingHTTPServer):
    """Many connections at once; a client that is killed is no news."""

    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_: object) -> None:
        """A client that went away."""


def main(arguments: list[str]) -> None:
    """Serve with a journal at the path given; print the port. The second word names a mode, else there are faults."""
    Handler.book = Book(Path(arguments[0]))
    Handler.faults = MODES.get(arguments[1] if len(arguments) > 1 else "", Faults())
    Handler.chance = Random(20261125)
    server = Server(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.5)


if __name__ == "__main__":
    main(sys.argv[1:])
