"""A server that really runs, a partner signed in to it, and the memory it takes while it reads what is sent."""

from __future__ import annotations

import http.client
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

from tests.programme import Programme
from tests.served import PASSWORD, Service, joined, read_answer
from voucher_service.ids import new_id, utc_now
from voucher_service.partners.api.keys import Scope, create
from voucher_service.staff.accounts import set_password
from voucher_service.staff.models import Role, Staff

_BOUNDARY = "--bomb-0f3a"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: the answer, the seconds it took, and the memory it took, in MiB.

    `work` are seconds of processor time, which say the same on a busy machine as on a quiet one.
    """

    status: int
    seconds: float
    server: float  # of the server's processes, above what they held before the first file
    children: float  # held by what they started, at most
    work: float


@dataclass(frozen=True, slots=True)
class Person:
    """Someone signed in: their cookies, and the token of a form."""

    cookies: str
    token: str


class Target:
    """The server, and every way in for a file: the partner's page, the API, and both forms of the coordination."""

    def __init__(self, service: Service, partner_id: UUID, logins: tuple[str, str], key: str) -> None:
        self.service = service
        self.partner_id = partner_id
        self._key = key
        self._partner = self._sign_in(logins[0], f"/partner/{partner_id}/upload")
        self._coordinator = self._sign_in(logins[1], "/admin/stock/import")
        self._idle = 0.0

    @property
    def ways(self) -> dict[str, Callable[[bytes], Outcome]]:
        """Return every way in by its name."""
        return {"page": self.by_page, "api": self.by_api, "lot": self.by_lot, "numbers": self.by_numbers}

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=120)

    def _sign_in(self, login: str, form_at: str) -> Person:
        with closing(self._connection()) as connection:
            connection.request("GET", "/sign-in")
            cookies, page = read_answer(connection, {})
            form = urlencode({"login": login, "password": PASSWORD, "csrf_token": _token(page)})
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": joined(cookies)}
            connection.request("POST", "/sign-in", form, headers)
            cookies, _ = read_answer(connection, cookies)
            connection.request("GET", form_at, headers={"Cookie": joined(cookies)})
            cookies, page = read_answer(connection, cookies)
            return Person(joined(cookies), _token(page))

    def by_page(self, content: bytes, name: str = "releve.xlsx") -> Outcome:
        """Send the file as a partner's browser does."""
        return self._by_form(self._partner, f"/partner/{self.partner_id}/upload", "statement", content, name)

    def by_lot(self, content: bytes) -> Outcome:
        """Send it as a coordinator takes a lot in."""
        return self._by_form(self._coordinator, "/admin/stock/import", "file", content, "lot.csv")

    def by_numbers(self, content: bytes) -> Outcome:
        """Send it as a coordinator takes the numbers of SIM cards in."""
        return self._by_form(self._coordinator, "/admin/stock/numbers", "file", content, "numeros.csv")

    def _by_form(self, person: Person, path: str, field: str, content: bytes, name: str) -> Outcome:
        fields = {"csrf_token": person.token, "partner_id": str(self.partner_id), "branch_id": ""}
        parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{told}' for key, told in fields.items()]
        file = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
        body = "".join(f"--{_BOUNDARY}\r\n{part}\r\n" for part in parts).encode()
        body += f"--{_BOUNDARY}\r\n{file}".encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}", "Cookie": person.cookies}
        return self._send(path, body, headers)

    def by_api(self, content: bytes) -> Outcome:
        """Send the file as a program does."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Authorization": f"Bearer {self._key}",
            "Idempotency-Key": new_id().hex,
        }
        return self._send("/api/v1/statements", content, headers)

    def _send(self, path: str, body: bytes, headers: dict[str, str]) -> Outcome:
        with _watch(self.service.process_id) as watch, closing(self._connection()) as connection:
            began = time.perf_counter()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
            seconds = time.perf_counter() - began
        self._idle = self._idle or watch.before  # of the first file: what is not given back afterwards counts too
        return Outcome(answer.status, seconds, watch.server - self._idle, watch.children, watch.work)


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found is not None, page[:400]
    return found[1]


class _Watch:
    """Looks at the memory of the server's processes and of those they start, every few milliseconds."""

    def __init__(self, process: int) -> None:
        self.workers = _tree(process)
        self.process = process
        self.before = self.server = sum(map(_resident, self.workers))
        self.children = 0.0
        self.work = -sum(map(_worked, self.workers))
        self.over = threading.Event()

    def look(self) -> None:
        while not self.over.wait(0.004):
            self.server = max(self.server, sum(map(_resident, self.workers)))
            started = [one for one in _tree(self.process) if one not in self.workers and _is_reader(one)]
            self.children = max(self.children, sum(map(_resident, started)))


@contextmanager
def _watch(process: int) -> Iterator[_Watch]:
    watch = _Watch(process)
    thread = threading.Thread(target=watch.look)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()
        watch.work += sum(map(_worked, watch.workers))


def _tree(process: int) -> list[int]:
    found = [process]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:
                continue  # it has ended
    return found


def _is_reader(process: int) -> bool:
    """Say whether the process reads a workbook: just before, it still looks like the one that started it."""
    try:
        return b"book_child.py" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def _resident(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _worked(process: int) -> float:
    """Return the seconds of processor time of a process and of its children that have ended."""
    try:
        told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, told[11:15])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def target(programme: Programme, url: str) -> Iterator[Target]:
    """Serve the database at `url` with a partner's account and key."""
    staff, coordinator = programme.member(Role.PARTNER), programme.member(Role.COORDINATOR)
    with programme.database.begin() as session:
        session.get_one(Staff, staff.id).partner_id = programme.partner_id
        for one in (staff, coordinator):
            set_password(session, one.id, PASSWORD)
        scopes = [Scope.STATEMENTS_WRITE]
        _, key = create(
            session, partner_id=programme.partner_id, name="bombes", scopes=scopes, actor="test", now=utc_now()
        )
    with tempfile.TemporaryDirectory() as folder:
        service = Service(url, folder)
        try:
            service.start()
            yield Target(service, programme.partner_id, (staff.login, coordinator.login), key)
        finally:
            service.stop()
