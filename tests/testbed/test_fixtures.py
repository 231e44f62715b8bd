"""The database fixtures give fresh databases on the engine they name, and fail when there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, inspect, text

from tests.databases import fresh_postgres

ROOT = Path(__file__).parents[2]


def leave_a_table(url: str) -> list[str]:
    """The tables named `left_behind` before this call, which then makes one."""
    engine = create_engine(url)
    try:
        before = [name for name in inspect(engine).get_table_names() if name == "left_behind"]
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE left_behind (n integer)"))
    finally:
        engine.dispose()
    return before


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_a_fresh_database_on_both_engines(
    database_url: str, turn: int, request: pytest.FixtureRequest
) -> None:
    assert leave_a_table(database_url) == []
    assert database_url.startswith(request.node.callspec.params["database_url"])


@pytest.mark.postgresql
def test_two_databases_live_side_by_side(postgres_url: str, module_postgres_url: str) -> None:
    assert postgres_url != module_postgres_url
    with fresh_postgres() as third:
        assert leave_a_table(third) == leave_a_table(postgres_url) == []


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_valkey(redis_url: str, turn: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def run_pytest(folder: Path, source: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a small test file in a pytest session of its own, with our fixtures."""
    (folder / "test_inner.py").write_text(source)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COUP_DE_"))}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:valkey",
    ]
    return subprocess.run(
        [*command, f"--rootdir={folder}", "-c", os.devnull, "-rs", *arguments, "test_inner.py"],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_postgresql_the_session_fails_and_says_why(tmp_path: Path) -> None:
    done = run_pytest(
        tmp_path,
        "def test_one(postgres_url): pass\ndef test_two(postgres_url): pass\n",
        TEST_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none",
    )
    assert done.returncode == 1
    assert "2 errors" in done.stdout
    assert "skipped" not in done.stdout
    assert "PostgreSQL of TEST_DATABASE_URL does not answer" in done.stdout


@pytest.mark.postgresql
def test_two_workers_share_one_server_which_ends_with_them(tmp_path: Path) -> None:
    source = (
        "import os, pathlib, pytest\n"
        "@pytest.mark.parametrize('n', range(2))\n"
        "def test_it(postgres_url, n):\n"
        "    worker, port = os.environ['PYTEST_XDIST_WORKER'], postgres_url.split(':')[-1].split('/')[0]\n"
        "    record = next(pathlib.Path(os.environ['COUP_DE_POUCE_TEST_SESSION']).glob('*.server'))\n"
        "    pathlib.Path(f'seen-{worker}-{n}').write_text(f'{worker} {port} {record.read_text()}')\n"
    )
    done = run_pytest(tmp_path, source, "-n2", "--dist", "each")
    assert done.returncode == 0, done.stdout
    seen = [path.read_text().split() for path in tmp_path.glob("seen-*")]
    assert len(seen) == 4
    assert {worker for worker, _, _ in seen} == {"gw0", "gw1"}
    assert len({port for _, port, _ in seen}) == 1
    assert not Path(seen[0][2]).exists()
