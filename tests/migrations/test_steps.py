"""The schema's steps: up, down, one by one with data in it, and equal to the models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import sql
from sqlalchemy import Column, Connection, Engine, Table, inspect, select, text
from sqlalchemy.exc import DBAPIError

from tests.databases import execute, on_database
from tests.migrations.data import WRITTEN_ONCE, fill
from tests.servers.shared import shared_postgres
from voucher_service.db import Base, Database
from voucher_service.errors import NotReady
from voucher_service.ids import new_id
from voucher_service.migrations import runner

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    server, name = shared_postgres(), f"empty_{new_id().hex}"
    execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield on_database(server, name)
    execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def tables(url: str) -> set[str]:
    """The names of the tables, less the migrations' own."""
    database = Database(url)
    names = set(inspect(database.engine).get_table_names()) - {"alembic_version"}
    database.close()
    return names


def triggers(connection: Connection) -> set[str]:
    """The names of our triggers."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    return set(connection.scalars(text(query)))


Rows = dict[str, list[tuple[object, ...]]]


def contents(engine: Engine, only: set[str]) -> Rows:
    """Every row of the tables named, in the columns they have now."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(*held(connection, table)))), key=repr)
            for table in Base.metadata.sorted_tables
            if table.name in only
        }


def held(connection: Connection, table: Table) -> list[Column[Any]]:
    """The columns of the models that the table has now: a later step may have brought others."""
    names = {column["name"] for column in inspect(connection).get_columns(table.name)}
    return [column for column in table.columns if column.name in names]


def without(engine: Engine, rows: Rows, only: set[str]) -> Rows:
    """The rows of the tables named, less what they have no columns for now."""
    kept: Rows = {}
    with engine.connect() as connection:
        for name in only & set(rows):
            table = Base.metadata.tables[name]
            places = [list(table.columns).index(column) for column in held(connection, table)]
            kept[name] = sorted((tuple(row[place] for place in places) for row in rows[name]), key=repr)
    return kept


def differences(url: str) -> list[object]:
    """What the models say and the database does not, or the other way round."""
    database = Database(url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found: list[object] = compare_metadata(context, Base.metadata)
    database.close()
    return found


def test_up_to_the_models_and_down_to_nothing(empty_url: str) -> None:
    assert runner.current(empty_url) is None
    runner.upgrade(empty_url)
    assert runner.current(empty_url) == runner.steps()[-1]
    assert differences(empty_url) == []
    assert tables(empty_url) == {table.name for table in Base.metadata.sorted_tables}
    runner.downgrade(empty_url, "base")
    assert tables(empty_url) == set()
    runner.upgrade(empty_url)
    assert differences(empty_url) == []


def test_a_difference_would_be_seen(empty_url: str) -> None:
    runner.upgrade(empty_url)
    database = Database(empty_url)
    with database.begin() as session:
        session.execute(text("DROP INDEX uq_transfer_resolves_id"))
        session.execute(text("ALTER TABLE branch ADD COLUMN nickname VARCHAR(9)"))
    database.close()
    assert len(differences(empty_url)) == 2


def test_the_steps_are_one_line_of_numbers() -> None:
    steps = runner.steps()
    assert steps == [f"{number:04d}" for number in range(1, len(steps) + 1)]


def test_step_by_step_with_data_nothing_is_lost(empty_url: str, tmp_path: Path) -> None:
    runner.upgrade(empty_url)
    fill(empty_url, tmp_path)
    database = Database(empty_url)
    try:
        before = contents(database.engine, tables(empty_url))
        assert all(before[name] for name in WRITTEN_ONCE)
        for step in reversed(runner.steps()[:-1]):
            runner.downgrade(empty_url, step)
            left = tables(empty_url)
            # A table that a later step replaced is not among the models: its own test follows its rows.
            assert contents(database.engine, left) == without(database.engine, before, left)
        # What a later step brought goes with it: the sealed log is made again from the transfers.
        expected = {name: rows if name in left else [] for name, rows in before.items()}
        expected["intake"] = before["intake"]  # statements are numbered again, in their order
        for step in runner.steps():
            runner.upgrade(empty_url, step)
        assert contents(database.engine, tables(empty_url)) == expected
        assert differences(empty_url) == []
        with database.engine.connect() as connection:
            assert len(triggers(connection)) == 2 * len(WRITTEN_ONCE) + _extra(connection)
    finally:
        database.close()


def _extra(connection: Connection) -> int:
    return len([name for name in triggers(connection) if not name.startswith(WRITTEN_ONCE)])


def statements(table: Table, dialect: str) -> list[str]:
    """Every way to change or remove written rows, and to remove one that nothing refers to."""
    column = next(iter(table.primary_key.columns)).name
    ways = [f"UPDATE {table.name} SET {column} = {column}", f"DELETE FROM {table.name}"]  # noqa: S608  # our names
    return ways if dialect == "sqlite" else [*ways, f"TRUNCATE {table.name} CASCADE"]


@pytest.mark.parametrize("name", WRITTEN_ONCE)
def test_what_is_written_once_stays(database_url: str, tmp_path: Path, name: str) -> None:
    fill(database_url, tmp_path)
    database = Database(database_url)
    table = Base.metadata.tables[name]
    before = contents(database.engine, {name})
    assert before[name], "there is something to protect"
    for statement in statements(table, database.engine.dialect.name):
        with pytest.raises(DBAPIError, match="rows are written once"), database.begin() as session:
            session.execute(text(statement))
    assert contents(database.engine, {name}) == before
    database.close()


def test_without_its_trigger_a_row_could_be_changed(database_url: str, tmp_path: Path) -> None:
    fill(database_url, tmp_path)
    database = Database(database_url)
    drop = "DROP TRIGGER transfer_no_update" if database.is_sqlite else "DROP TRIGGER transfer_no_change ON transfer"
    with database.begin() as session:
        session.execute(text(drop))
        changed = session.execute(text("UPDATE transfer SET actor = 'nobody'"))
        assert changed.rowcount > 0  # type: ignore[attr-defined]  # of a statement by text
    database.close()


def test_sqlite_that_cannot_be_durable_is_refused(tmp_path: Path) -> None:
    # Without shared memory (as on many network disks) there is no write-ahead log.
    database = Database(f"sqlite:///file:{tmp_path / 'far.sqlite'}?vfs=unix-none&uri=true")
    with pytest.raises(NotReady, match="durabilité"), database.read():
        pass
    database.close()


def test_sqlite_runs_durably(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.read() as session:
        modes = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")]
    database.close()
    assert modes == ["wal", 2, 1]
