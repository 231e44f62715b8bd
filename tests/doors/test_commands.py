"""The commands, run as a person runs them: from an empty folder to a running service, and what may go wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from tests.guards.tree import ROOT
from voucher_service.demo.staff import ACCOUNTS, PASSWORD
from voucher_service.migrations import runner
from voucher_service.settings import new_master_key

PATIENCE = 60


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment with nothing set but what is given."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPYCACHEPREFIX") if name in os.environ}
    return {**kept, "DATA_DIR": str(folder), "LANG": "C.UTF-8", **more}


def flask(folder: Path, *words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *words],
        cwd=ROOT, env=environment(folder, **more), input=stdin, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_ready(url: str, process: subprocess.Popen[str]) -> None:
    """Wait until the service says it is ready."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        time.sleep(0.1)
    pytest.fail(f"not ready: {process.communicate(timeout=5)[1] if process.poll() is not None else 'too slow'}")


@contextlib.contextmanager
def serving(folder: Path, **more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the service; yield its address and process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "serve"],
        cwd=ROOT, env=environment(folder, PORT=str(port), **more), stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            wait_ready(url, process)
            yield url, process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # the web processes it started, too


def counts(folder: Path) -> dict[str, int]:
    """How many rows the tables hold that a second filling would add to."""
    tables = ("staff", "branch", "person", "allocation", "voucher", "visit")
    with contextlib.closing(sqlite3.connect(folder / "coup-de-pouce.db")) as database:
        return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}  # noqa: S608


def test_one_command_leads_from_an_empty_folder_to_a_demonstration(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    with serving(folder, DEMO="1") as (url, process):
        with httpx.Client(base_url=url) as client:
            assert client.get("/").headers["location"] == "/sign-in"
        process.send_signal(signal.SIGTERM)
        card = process.communicate(timeout=20)[1]
        assert process.returncode == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
    assert PASSWORD in card
    assert all(account.login in card for account in ACCOUNTS)
    assert (folder / "master.key").stat().st_mode & 0o777 == 0o600
    key, filled = (folder / "master.key").read_text(), counts(folder)
    assert min(filled.values()) > 0
    with serving(folder, DEMO="1"):
        assert (folder / "master.key").read_text() == key
    assert counts(folder) == filled, "filled once"


def test_without_a_demonstration_the_house_is_empty(tmp_path: Path) -> None:
    with serving(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "coup-de-pouce.db") as database:
        assert database.execute("SELECT count(*) FROM staff").fetchone() == (0,)


def test_a_filled_database_without_its_key_is_not_opened(tmp_path: Path) -> None:
    runner.upgrade(f"sqlite:///{tmp_path / 'coup-de-pouce.db'}")
    done = flask(tmp_path, "serve", PORT=str(free_port()))
    assert done.returncode == 1
    assert "MASTER_KEY: not set" in done.stderr
    assert "Restore the file from its backup" in done.stderr
    assert not (tmp_path / "master.key").exists()


def test_a_taken_port_is_named_with_another_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = flask(tmp_path, "serve", PORT=str(port))
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
    assert f"PORT={port + 1}" in done.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = flask(tmp_path / "file" / "var", "serve", PORT=str(free_port()))
    assert done.returncode == 1
    assert "Nothing can be written in" in done.stderr
    assert "DATA_DIR=" in done.stderr


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    done = flask(tmp_path, "serve", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", PORT=str(free_port()))
    assert done.returncode == 1
    assert "The database does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_wrong_settings_are_named_at_once(tmp_path: Path) -> None:
    done = flask(tmp_path, "serve", PORT="0", DATABASE_URL="mysql://x", MASTER_KEY="short")
    assert done.returncode == 1
    assert all(f"  {name}: " in done.stderr for name in ("PORT", "DATABASE_URL", "MASTER_KEY"))
    assert "Traceback" not in done.stderr


def test_a_master_key_is_made_once(tmp_path: Path) -> None:
    assert flask(tmp_path, "new-master-key").returncode == 0
    again = flask(tmp_path, "new-master-key")
    assert again.returncode == 1
    assert "There is a master key already" in again.stderr


def test_an_account_is_opened_from_the_terminal(tmp_path: Path) -> None:
    key = {"MASTER_KEY": new_master_key()}
    assert "step 0" in flask(tmp_path, "migrate", **key).stdout
    secret = "quatre mots bien choisis"
    made = flask(tmp_path, "create-staff", "Awa", "Awa Diallo", stdin=f"{secret}\n{secret}\n", **key)
    assert made.returncode == 0, made.stderr
    assert secret not in made.stdout + made.stderr
    again = flask(tmp_path, "create-staff", "awa", "Awa Diallo", stdin=f"{secret}\n{secret}\n", **key)
    assert again.returncode == 1
    assert "déjà pris" in again.stderr


@pytest.mark.postgresql
def test_the_same_command_runs_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    with serving(tmp_path, DATABASE_URL=postgres_url, MASTER_KEY=new_master_key(), WORKERS="2") as (url, process):
        assert httpx.get(f"{url}/healthz").json()["status"] == "ready"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


@pytest.mark.postgresql
def test_with_a_broker_workers_run_beside_the_web_and_stop_with_it(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "MASTER_KEY": new_master_key()}
    with serving(tmp_path, WORKERS="1", **settings) as (_, process), redis.Redis.from_url(redis_url) as broker:
        end = time.monotonic() + PATIENCE
        while not broker.smembers("_kombu.binding.celery") and time.monotonic() < end:
            time.sleep(0.2)
        assert broker.smembers("_kombu.binding.celery"), "a worker has not come to the broker"
        workers = children(process.pid)
        assert any("celery" in command for command in workers.values())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    end = time.monotonic() + 10  # the last of them sees a closed pipe a moment later
    while (left := [workers[pid] for pid in workers if _runs(pid)]) and time.monotonic() < end:
        time.sleep(0.2)
    assert left == []


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # ended, not yet noted by whoever adopted it


def children(parent: int) -> dict[int, str]:
    """Return the commands of all processes below `parent`, by number."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    found: dict[int, str] = {}
    below = {parent}
    for _ in range(4):
        new = {int(pid): args for pid, owner, args in rows if int(owner) in below}
        found |= new
        below = set(new)
    return found
