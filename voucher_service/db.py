"""The database: declarative base, column types and the only place that commits.

SQLite runs in WAL with `synchronous=FULL` and `BEGIN IMMEDIATE`; a database that cannot give that is
refused at start (with the driver's default transactions two scans of one voucher can both win).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, String, create_engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator, TypeEngine

from voucher_service.errors import NotReady

P = ParamSpec("P")
T = TypeVar("T")

HINTS: Final = "hints"
"""Where in `session.info` a feature leaves the ids of the rows that a worker should look at after the commit."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant: `timestamptz` on PostgreSQL, sortable ISO text with microseconds on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type for `dialect`."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive instants; store UTC."""
        if value is None:
            return None
        assert value.tzinfo is not None, "an instant needs its zone"
        value = value.astimezone(UTC)
        return f"{value:%Y-%m-%dT%H:%M:%S.%f}Z" if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return an aware UTC instant."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return datetime.fromisoformat(value)
        stamp: datetime = value
        return stamp.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of every table; constraint names follow one convention so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime()}  # noqa: RUF012  # read once by the declarative base


class Database:
    """An engine and its sessions. `begin()` and `run()` are the only ways to write."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine = _engine(url, pool_size)
        # Told each id in HINTS once it is committed. It must not raise: the work is done, a hint saves waiting only.
        self.hint: Callable[[UUID], None] = lambda _: None
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        # A pool of its own: setting the mode on a borrowed connection, and back, costs as much as a query.
        self._alone = self.engine if self.is_sqlite else _autocommit_engine(url, pool_size)
        self._autocommit = sessionmaker(self._alone, expire_on_commit=False)
        self._reader = self.engine if self.is_sqlite else _autocommit_engine(url, pool_size, read_only=True)
        self._reading = sessionmaker(self._reader, expire_on_commit=False)
        # SQLite has one writer; threads that poll for its lock starve each other, so they queue here instead.
        self._writer: AbstractContextManager[object] = threading.RLock() if self.is_sqlite else nullcontext()

    @property
    def is_sqlite(self) -> bool:
        """Say whether this is the embedded default."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open one transaction: committed at the end of the block, rolled back by any exception."""
        with self._writer, self._sessions() as session:
            yield session
            session.commit()
            hints: list[UUID] = session.info.pop(HINTS, [])
        for one in hints:
            self.hint(one)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for reading: it takes no write lock. What was read stays readable after the block.

        The database refuses whatever would write here: without a transaction around it, it would be kept.
        On PostgreSQL each query stands alone, as it would in READ COMMITTED, without BEGIN and ROLLBACK trips;
        so a result cannot be streamed from a server-side cursor (`yield_per`), which needs a transaction.
        """
        with self._reading() as session:
            if self.is_sqlite:
                session.connection(execution_options={"read_only": True})
            with session.no_autoflush:
                yield session
            session.expunge_all()
            session.rollback()

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """Lend a connection for one query, as `read` does but without a session: for what every request asks."""
        with self._reader.connect() as connection:
            yield connection.execution_options(read_only=True) if self.is_sqlite else connection

    def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(session, …)` in one transaction, once more when a constraint says someone was first.

        The second run sees what the winner wrote, so idempotent work answers from it.
        """
        try:
            with self.begin() as session:
                return work(session, *args, **kwargs)
        except IntegrityError:
            with self.begin() as session:
                return work(session, *args, **kwargs)

    def run_autocommit(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` as `run` does, when all it writes is written by one statement.

        On PostgreSQL that statement is its own transaction: two round trips fewer on the redemption path.
        """
        if self.is_sqlite:
            return self.run(work, *args, **kwargs)
        for last in (False, True):
            try:
                with self._autocommit() as session:
                    answer = work(session, *args, **kwargs)
                    session.flush()
                    return answer
            except IntegrityError:
                if last:
                    raise
        raise AssertionError("the second run answers or raises")

    def ping(self) -> None:
        """Raise NotReady unless the database answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError as error:
            raise NotReady("La base de données ne répond pas ; réessayez dans un instant.") from error

    def close(self) -> None:
        """Close all connections."""
        for engine in (self.engine, self._alone, self._reader):
            engine.dispose()

    def forget_connections(self) -> None:
        """Leave the connections to the process this one was forked from, and open new ones when needed."""
        for engine in (self.engine, self._alone, self._reader):
            engine.dispose(close=False)


def _engine(url: str, pool_size: int) -> Engine:
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False}, hide_parameters=True)
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
        return engine
    # Parameters may be personal: they stay out of error messages and so out of logs.
    return create_engine(url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=False, hide_parameters=True)


def _autocommit_engine(url: str, pool_size: int, *, read_only: bool = False) -> Engine:
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_reset_on_return=None,  # there is never anything to roll back
        hide_parameters=True,
    )
    if read_only:
        event.listen(engine, "connect", _postgres_read_only)
    return engine


def _postgres_read_only(connection: Any, _record: Any) -> None:
    connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")


def _sqlite_connect(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: we say BEGIN IMMEDIATE, see `_sqlite_begin`.
    connection.isolation_level = None
    cursor = connection.cursor()
    mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # What is removed is overwritten: a person's key must not linger in a free page.
    cursor.execute("PRAGMA secure_delete=ON")
    level = cursor.execute("PRAGMA synchronous").fetchone()[0]
    cursor.close()
    if (mode, level) not in {("wal", 2), ("memory", 2)}:
        raise NotReady(
            "SQLite ne peut pas garantir la durabilité ici (journal {mode}, synchronous {level}) : "
            "placez DATA_DIR sur un disque local.",
            mode=mode,
            level=level,
        )


def _sqlite_begin(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    # Connections are shared by readers and writers: each says anew what it may do.
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
