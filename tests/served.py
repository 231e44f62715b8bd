"""The service as `make run` serves it, and a counter signed in to it over HTTP: for drills and benchmarks."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from tests.programme import MASTER, Programme
from voucher_service.ids import utc_now
from voucher_service.staff.accounts import set_password
from voucher_service.staff.models import Role, StaffBranch

PASSWORD = "une-phrase-assez-longue-2026"  # of a database that lives as long as the benchmark
STARTED_WITHIN = 60  # seconds


@dataclass(frozen=True, slots=True)
class Pass:
    """What a signed-in browser sends with each request."""

    port: int
    cookies: str
    token: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the door said to one scan."""

    status: int
    body: dict[str, Any]


class Counter:
    """One keep-alive connection of a counter."""

    def __init__(self, given: Pass) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", given.port, timeout=60)
        self._headers = {"Content-Type": "application/json", "Cookie": given.cookies, "X-CSRFToken": given.token}

    def scan(self, scan_id: UUID, code: str, branch_id: int = 1, **more: object) -> Answer:
        """Present `code` as the counter's page does."""
        body = {"scan_id": str(scan_id), "code": code, "branch_id": branch_id, "scanned_at": utc_now().isoformat()}
        self._connection.request("POST", "/counter/scans", json.dumps(body | more), self._headers)
        answer = self._connection.getresponse()
        return Answer(answer.status, json.loads(answer.read()))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Service:
    """The service in a process of its own on one port; `kill` and `start` are what a power cut is to the counter."""

    def __init__(self, url: str, folder: str, **settings: str) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = os.environ | {
            "DATABASE_URL": url,
            "DATA_DIR": folder,
            "PORT": str(self.port),
            "DEMO": "0",
            "SECURE_COOKIES": "0",
            "LOG_LEVEL": "ERROR",
            "MASTER_KEY": base64.urlsafe_b64encode(MASTER).decode(),
            **settings,
        }

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process_id(self) -> int:
        """Its process, while it runs."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    def start(self) -> None:
        """Start, or start again on the same data and port, and wait until it answers."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "serve"]
        self._process = subprocess.Popen(command, env=self._environment, start_new_session=True)
        _wait(self.port, self._process)

    def kill(self) -> None:
        """`kill -9` it and whatever it started, and wait for the end; the data stays."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            ended = self._process.wait(30)
            assert ended == -signal.SIGKILL, f"it had ended by itself: {ended}"
        self._process = None

    def stop(self) -> None:
        """Stop it in good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
        self._process = None


@contextmanager
def serving(programme: Programme, url: str, **settings: str) -> Iterator[Pass]:
    """Serve the database at `url` as `make run` does, with a counter signed in; stopped at the end."""
    counter = programme.member(Role.COUNTER)
    with programme.database.begin() as session:
        set_password(session, counter.id, PASSWORD)
        session.add_all(StaffBranch(staff_id=counter.id, branch_id=branch.id) for branch in programme.branches)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(url, folder, **settings)
        try:
            service.start()
            yield sign_in(service.port, counter.login)
        finally:
            service.stop()


def sign_in(port: int, login: str) -> Pass:
    """Sign in as a browser would."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        return _sign_in(connection, port, login)


def _sign_in(connection: http.client.HTTPConnection, port: int, login: str) -> Pass:
    connection.request("GET", "/sign-in")
    cookies, page = read_answer(connection, {})
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None, page
    form = urlencode({"login": login, "password": PASSWORD, "csrf_token": token[1]})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": joined(cookies)}
    connection.request("POST", "/sign-in", form, headers)
    cookies, _ = read_answer(connection, cookies)
    connection.request("GET", "/counter/token", headers={"Cookie": joined(cookies), "Accept": "application/json"})
    cookies, answer = read_answer(connection, cookies)
    return Pass(port, joined(cookies), json.loads(answer)["csrf_token"])


def read_answer(connection: http.client.HTTPConnection, cookies: dict[str, str]) -> tuple[dict[str, str], str]:
    """Return the cookies after the answer, and its text."""
    answer = connection.getresponse()
    set_now = [value.partition(";")[0].split("=", 1) for value in answer.headers.get_all("Set-Cookie", [])]
    return cookies | dict(set_now), answer.read().decode()


def joined(cookies: dict[str, str]) -> str:
    """Return cookies as a browser sends them."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < until and server.poll() is None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the service did not start")
