"""The servers one test session shares: started by the first test that asks, ended with the session.

With pytest-xdist every worker is a process of its own; the folder of the session, named in the environment
the workers inherit, is where they find what one of them has started.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.quick import CARELESS, quick_folder, quick_place
from tests.servers.errors import ServerUnavailableError
from tests.servers.leash import alive, kill_tree
from tests.servers.postgresql import PostgresServer, given_postgres
from tests.servers.process import ServerProcess
from tests.servers.valkey import ValkeyServer, given_valkey

SESSION_VARIABLE = "COUP_DE_POUCE_TEST_SESSION"
END_LIMIT_S = 30.0
_OURS: list[ServerProcess] = []  # what this very process has started for the session


def open_session() -> Path:
    """Make the folder of this session and name it to the workers still to come."""
    folder = quick_folder("coup-de-pouce-session-")
    (folder / "watched").write_text(str(os.getpid()), encoding="ascii")
    os.environ[SESSION_VARIABLE] = str(folder)
    return folder


def close_session(folder: Path) -> None:
    """End every server the session has started and remove its folders."""
    while _OURS:
        _OURS.pop().close()
    for record in folder.glob("*.server"):
        end_server(Path(record.read_text(encoding="utf-8")))
    shutil.rmtree(folder, ignore_errors=True)
    os.environ.pop(SESSION_VARIABLE, None)


def end_server(folder: Path) -> None:
    """End the server of a folder that another process may have started; its data goes too."""
    pid_file = folder / "server.pid"
    pid = int(pid_file.read_text(encoding="ascii") or 0) if pid_file.exists() else 0
    if pid and alive(pid):
        os.kill(pid, signal.SIGINT)  # PostgreSQL and Valkey both end in good order on it
    deadline = time.monotonic() + END_LIMIT_S
    while pid and alive(pid):
        if time.monotonic() > deadline:
            kill_tree(pid)
        time.sleep(0.01)
    shutil.rmtree(folder, ignore_errors=True)


def session_folder() -> Path:
    """The folder of the running test session."""
    return Path(os.environ[SESSION_VARIABLE])


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold one of the session's locks; freed by the system if the holder dies."""
    with (session_folder() / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def once(name: str, make: Callable[[], str]) -> str:
    """The text `make` gave to the first worker that asked; a failure is remembered too.

    Raises: ServerUnavailableError, the same for every test that asks.
    """
    answer, fault = session_folder() / f"{name}.answer", session_folder() / f"{name}.fault"
    with locked(name):
        if fault.exists():
            raise ServerUnavailableError(fault.read_text(encoding="utf-8"))
        if not answer.exists():
            try:
                made = make()
            except Exception as error:
                fault.write_text(str(error) or repr(error), encoding="utf-8")
                raise
            answer.touch(mode=0o600)
            answer.write_text(made, encoding="utf-8")
        return answer.read_text(encoding="utf-8")


def _started(server: ServerProcess, name: str) -> str:
    (session_folder() / f"{name}.server").write_text(str(server.folder), encoding="utf-8")
    _OURS.append(server)
    server.start()
    return server.url


def _watched() -> int:
    return int((session_folder() / "watched").read_text(encoding="ascii"))


def _make_postgres() -> str:
    given = given_postgres()
    return (
        given.url
        if given
        else _started(PostgresServer(settings=CARELESS, place=quick_place(), watched=_watched()), "postgres")
    )


def _make_valkey() -> str:
    given = given_valkey()
    return given.url if given else _started(ValkeyServer(watched=_watched()), "valkey")


def shared_postgres() -> str:
    """The address of the session's PostgreSQL.

    Raises: ServerUnavailableError.
    """
    return once("postgres", _make_postgres)


def shared_valkey() -> str:
    """The address of the session's Valkey.

    Raises: ServerUnavailableError.
    """
    return once("valkey", _make_valkey)
