"""A server process of ours: start, stop, kill, start again on the same data."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

from tests.servers.errors import ServerUnavailableError
from tests.servers.leash import alive, kill_tree

START_LIMIT_S = 60.0
START_ATTEMPTS = 4
STOP_LIMIT_S = 30.0
NOBODY = 65534
LEASH = Path(__file__).with_name("leash.py")


class Server(Protocol):
    """What a test may ask of a server; `start`, `stop` and `kill` are for drills."""

    @property
    def url(self) -> str:
        """The address, with its password, as SQLAlchemy or redis-py takes it."""

    def start(self) -> None:
        """Start, or start again on the same data and port."""

    def stop(self) -> None:
        """Stop in good order, the data kept."""

    def kill(self) -> None:
        """`kill -9`, the data kept."""


class ExternalServer:
    """A server somebody else runs; it can be used but not driven."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _refuse(self) -> None:
        message = "this server is not ours to start or stop; ask for one with own=True"
        raise ServerUnavailableError(message)

    start = stop = kill = _refuse


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def reachable_by_all(path: Path) -> bool:
    """True when any user of the machine may pass through every folder down to this path."""
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents] if folder.is_dir())


def public_temporary_folder(first: Path | None = None) -> Path:
    """A fresh folder below a place any user can reach (`first`, if given), whatever TMPDIR says when we are root."""
    places = [*([first] if first else []), Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108  # mkdtemp below it
    for place in places:
        if place.is_dir() and reachable_by_all(place.resolve()):
            return Path(tempfile.mkdtemp(prefix="coup-de-pouce-", dir=place))
    message = f"no temporary folder that user nobody can reach among {', '.join(map(str, places))}"
    raise ServerUnavailableError(message)


class ServerProcess(ABC):
    """One server of ours in a folder of its own, which goes away with `close()` or with the watched process.

    `watched` is the process id the server lives for; by default this process.
    """

    stop_signal = signal.SIGTERM
    user_id = -1

    def __init__(self, *, place: Path | None = None, watched: int | None = None) -> None:
        self.folder = public_temporary_folder(place)
        self.port = free_port()
        self._watched = watched or os.getpid()
        self._leash: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address, with its password."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line of the server, in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """True when a client gets an answer; False when not yet."""

    @property
    def pid(self) -> int:
        """The process id of the server itself; 0 before the first start."""
        try:
            return int((self.folder / "server.pid").read_text(encoding="ascii") or 0)
        except FileNotFoundError:
            return 0

    def log(self) -> str:
        """The last lines the server wrote."""
        path = self.folder / "server.log"
        return path.read_text(encoding="utf-8", errors="replace")[-2000:] if path.exists() else ""

    def start(self) -> None:
        """Start (again) on the same data and port, and wait until it answers.

        Raises: ServerUnavailableError, with the server's last words.
        """
        deadline = time.monotonic() + START_LIMIT_S
        for _ in range(START_ATTEMPTS):
            self._spawn()
            if self._answers_before(deadline):
                return
            time.sleep(0.3)  # after `kill` the system may need a moment to give back memory and port
        words = self.log()
        self.kill()
        message = f"{self.command()[0]} did not start; its last words:\n{words}"
        raise ServerUnavailableError(message)

    def _answers_before(self, deadline: float) -> bool:
        assert self._leash is not None
        while self._leash.poll() is None and time.monotonic() < deadline:
            if self.answers():
                return True
            time.sleep(0.02)
        return False

    def _spawn(self) -> None:
        (self.folder / "server.pid").unlink(missing_ok=True)
        arguments = [str(self._watched), str(self.folder), str(self.user_id), *self.command()]
        self._leash = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LEASH), *arguments],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Stop in good order and wait for the end; the data stays for the next `start`."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """`kill -9` the server and its children, and wait for the end; the data stays."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        pid = self.pid
        if pid and alive(pid):
            if how is signal.SIGKILL:
                kill_tree(pid)
            else:
                os.kill(pid, how)
        self._wait_for_end(pid)

    def _wait_for_end(self, pid: int) -> None:
        deadline = time.monotonic() + STOP_LIMIT_S
        while pid and alive(pid):
            if time.monotonic() > deadline:
                kill_tree(pid)
            time.sleep(0.01)
        if self._leash is not None:
            self._leash.wait(STOP_LIMIT_S)
            self._leash = None

    def close(self) -> None:
        """Stop and remove the data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
