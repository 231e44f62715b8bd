"""Bring a database to a step of the schema, up or down, without a configuration file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from voucher_service.db import Database


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    # A percent sign in the path would be read as interpolation by the configuration parser.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database at the SQLAlchemy address `url` up to `revision`, in one transaction."""
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Migrate the database at `url` down to `revision` ("base" empties it), in one transaction."""
    _run(url, lambda config: command.downgrade(config, revision))


def current(url: str) -> str | None:
    """Return the step the database at `url` stands at; None for an empty database."""
    database = Database(url, pool_size=1)
    try:
        with database.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        database.close()


def steps() -> list[str]:
    """Return the numbers of all steps, first to last."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def _run(url: str, work: Callable[[Config], None]) -> None:
    database = Database(url, pool_size=1)
    try:
        with database.engine.begin() as connection:
            if not database.is_sqlite:
                # Two processes that start together must not both migrate.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7265110)")
            work(_config(connection))
    finally:
        database.close()
