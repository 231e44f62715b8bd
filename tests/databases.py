"""Fresh migrated databases, quickly: each is a copy of a template migrated once in the session."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers.postgresql import plain
from tests.servers.shared import locked, once, session_folder, shared_postgres

RUNNER = "voucher_service.migrations.runner"


def migrate(url: str) -> None:
    """Bring a database to the newest schema; the only place of the tests that does."""
    if importlib.util.find_spec(RUNNER) is None:
        return  # a tree without migrations has an empty schema
    importlib.import_module(RUNNER).upgrade(url)


def on_database(url: str, name: str) -> str:
    """The same server address with another database."""
    return f"{url.rpartition('/')[0]}/{name}"


def execute(url: str, statement: sql.Composed) -> None:
    """Run one statement outside a transaction, as creating databases wants."""
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute(statement)


def _make_postgres_template() -> str:
    server = shared_postgres()
    name = f"template_{uuid.uuid4().hex}"
    execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(on_database(server, name))
    return name


def _make_sqlite_template() -> str:
    path = session_folder() / "template.sqlite"
    path.touch()
    migrate(f"sqlite:///{path}")
    return str(path)


@contextmanager
def fresh_postgres() -> Iterator[str]:
    """The address of a migrated PostgreSQL database nobody else uses; dropped at the end."""
    server, template = shared_postgres(), once("postgres-template", _make_postgres_template)
    name = f"test_{uuid.uuid4().hex}"
    # Files copied as they are: half the time of the default, which writes each page into the write-ahead log too.
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    with locked("postgres-copy"):  # a template must have no other session while it is copied
        execute(server, create)
    try:
        yield on_database(server, name)
    finally:
        execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def fresh_sqlite(folder: Path) -> str:
    """The address of a migrated SQLite file in the folder given."""
    template = Path(once("sqlite-template", _make_sqlite_template))
    path = folder / "coup-de-pouce.sqlite"
    # A write-ahead log may still hold the newest pages of the template.
    for suffix in ("", "-wal"):
        source = template.with_name(template.name + suffix)
        if source.exists():
            shutil.copyfile(source, path.with_name(path.name + suffix))
    return f"sqlite:///{path}"
