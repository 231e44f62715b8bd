"""The servers are real, end cleanly, keep their data, and never outlive the process that wanted them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import redis

from tests.servers import PostgresServer, ServerUnavailableError, ValkeyServer, postgres, valkey
from tests.servers.binaries import machine_folder, within_reach
from tests.servers.leash import alive, children
from tests.servers.postgresql import plain
from tests.servers.process import reachable_by_all

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    with postgres(own=True) as server:
        assert isinstance(server, PostgresServer)
        yield server


def ask(server: PostgresServer, question: str) -> str:
    with psycopg.connect(plain(server.url)) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def test_it_is_a_durable_postgresql(own_postgres: PostgresServer) -> None:
    assert ask(own_postgres, "SELECT version()").startswith("PostgreSQL ")
    durable = {name: ask(own_postgres, f"SHOW {name}") for name in ("fsync", "synchronous_commit")}
    assert durable == {"fsync": "on", "synchronous_commit": "on"}
    assert ask(own_postgres, "SHOW max_connections") == "200"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change user")
def test_root_runs_it_as_nobody(own_postgres: PostgresServer) -> None:
    assert Path(f"/proc/{own_postgres.pid}").stat().st_uid == 65534


def test_it_refuses_a_client_without_the_password(own_postgres: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{own_postgres.port}/postgres")


def test_committed_rows_survive_a_kill(own_postgres: PostgresServer) -> None:
    with psycopg.connect(plain(own_postgres.url)) as connection:
        connection.execute("CREATE TABLE kept (n integer)")
        connection.execute("INSERT INTO kept VALUES (42)")
    before = own_postgres.pid
    everyone = [before, *children(before)]
    own_postgres.kill()
    assert len(everyone) > 1
    assert not [pid for pid in everyone if alive(pid)]
    own_postgres.start()
    assert own_postgres.pid != before
    assert ask(own_postgres, "SELECT n FROM kept") == "42"
    whole = (own_postgres.folder / "server.log").read_text(encoding="utf-8", errors="replace")
    assert "was not properly shut down" in whole


def test_a_stopped_postgresql_leaves_no_process_and_starts_again(own_postgres: PostgresServer) -> None:
    everyone = [own_postgres.pid, *children(own_postgres.pid)]
    own_postgres.stop()
    assert not [pid for pid in everyone if alive(pid)]
    own_postgres.start()
    assert ask(own_postgres, "SELECT 1") == "1"


def test_close_removes_the_data() -> None:
    with postgres(settings={"fsync": "off"}) as server:
        assert isinstance(server, PostgresServer)
        assert ask(server, "SHOW fsync") == "off"
        pid, folder = server.pid, server.folder
    assert not alive(pid)
    assert not folder.exists()


def test_a_valkey_keeps_its_data_over_a_kill() -> None:
    with valkey(own=True) as server:
        assert isinstance(server, ValkeyServer)
        with redis.Redis.from_url(server.url) as client:
            assert client.info("server")["redis_version"]
            client.set("kept", "42")
        server.kill()
        with closing(redis.Redis.from_url(server.url)) as client, pytest.raises(redis.ConnectionError):
            client.ping()
        server.start()
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            assert client.get("kept") == "42"
        pid = server.pid
    assert not alive(pid)


def test_a_server_does_not_outlive_a_killed_owner() -> None:
    program = (
        "import time\nfrom tests.servers import ValkeyServer\ns = ValkeyServer()\ns.start()\n"
        "print(s.pid, s.folder, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        assert alive(int(pid))
        owner.kill()
    deadline = time.monotonic() + 10
    while (alive(int(pid)) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(int(pid))
    assert not Path(folder).exists()


def test_a_server_that_cannot_start_says_its_last_words() -> None:
    with (
        pytest.raises(ServerUnavailableError, match="no_such_setting"),
        postgres(settings={"no_such_setting": "1"}),
    ):
        pass


def test_programs_out_of_reach_are_copied(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    (hidden / "package" / "install" / "bin").mkdir(parents=True)
    (hidden / "package" / "install" / "bin" / "postgres").write_text("program")
    (hidden / "package.libs").mkdir()
    (hidden / "package.libs" / "libpq.so").write_text("library")
    hidden.chmod(0o700)
    copied = within_reach(hidden / "package" / "install" / "bin", tmp_path / "near")
    assert not reachable_by_all(hidden)
    assert (copied / "postgres").read_text() == "program"
    assert (copied / "../../../package.libs/libpq.so").read_text() == "library"


def test_without_the_wheel_the_programs_of_the_machine_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine_folder() == tmp_path
    (tmp_path / "initdb").unlink()
    assert machine_folder() != tmp_path


def test_a_server_of_somebody_else_is_used_but_not_driven(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", own_postgres.url)
    with postgres() as server:
        assert server.url == own_postgres.url
        with pytest.raises(ServerUnavailableError, match="not ours"):
            server.kill()
    assert ask(own_postgres, "SELECT 1") == "1"
