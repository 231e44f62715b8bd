"""A PostgreSQL of our own, with the durable settings it ships with."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.servers.binaries import postgres_folder, within_reach
from tests.servers.errors import ServerUnavailableError
from tests.servers.process import NOBODY, ExternalServer, Server, ServerProcess

MAX_CONNECTIONS = 200


class PostgresServer(ServerProcess):
    """One PostgreSQL cluster on 127.0.0.1; `settings` are extra configuration, such as {"fsync": "off"}.

    Its folder is made in `place`, or where temporary files are.
    """

    stop_signal = signal.SIGINT  # the "fast" shutdown: sessions are cut, a checkpoint is written

    def __init__(
        self, *, settings: Mapping[str, str] | None = None, place: Path | None = None, watched: int | None = None
    ) -> None:
        programs = postgres_folder()
        super().__init__(place=place, watched=watched)
        self.user_id = NOBODY if os.geteuid() == 0 else -1  # PostgreSQL refuses to run as root
        self._settings = dict(settings or {})
        self._password = secrets.token_hex(16)
        if self.user_id >= 0:
            os.chown(self.folder, self.user_id, self.user_id)
            programs = within_reach(programs, self.folder)
        self._programs = programs
        try:
            self._create_cluster()
        except ServerUnavailableError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @property
    def url(self) -> str:
        """The address of the database `postgres`, for SQLAlchemy."""
        return f"postgresql+psycopg://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[str]:
        """PostgreSQL in the foreground, socket in its own folder, times in UTC."""
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "max_connections": str(MAX_CONNECTIONS),
            "timezone": "UTC",
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]

    def answers(self) -> bool:
        """True when a client can sign in."""
        try:
            with psycopg.connect(plain(self.url), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def _create_cluster(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self._password, encoding="ascii")
        secret.chmod(0o600)
        identity = {}
        if self.user_id >= 0:
            os.chown(secret, self.user_id, self.user_id)
            identity = {"user": self.user_id, "group": self.user_id, "extra_groups": []}
        # --no-sync spares only this first writing of empty files; the running server keeps fsync.
        command = [
            *(str(self._programs / "initdb"), "-D", str(self.folder / "data"), "-U", "postgres"),
            *("--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C", "--no-sync"),
        ]
        done = subprocess.run(  # type: ignore[call-overload]  # the mapping's values differ in kind
            command, cwd=self.folder, capture_output=True, text=True, check=False, **identity
        )
        secret.unlink()
        if done.returncode:
            message = f"initdb failed:\n{done.stdout}\n{done.stderr}"
            raise ServerUnavailableError(message)


def plain(url: str) -> str:
    """The same address as libpq takes it, without SQLAlchemy's driver name."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def given_postgres() -> ExternalServer | None:
    """The server of TEST_DATABASE_URL, when set.

    Raises: ServerUnavailableError when it is not a PostgreSQL or does not answer.
    """
    url = os.environ.get("TEST_DATABASE_URL")
    if not url:
        return None
    if not url.startswith("postgresql+psycopg://"):
        message = "TEST_DATABASE_URL must start with postgresql+psycopg://"
        raise ServerUnavailableError(message)
    try:
        psycopg.connect(plain(url), connect_timeout=5).close()
    except psycopg.OperationalError as error:
        message = f"the PostgreSQL of TEST_DATABASE_URL does not answer: {error}"
        raise ServerUnavailableError(message) from error
    return ExternalServer(url)


@contextmanager
def postgres(*, own: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A running PostgreSQL; `own` or `settings` always start a new one, removed at the end."""
    given = None if own or settings else given_postgres()
    if given is not None:
        yield given
        return
    server = PostgresServer(settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.close()


def database_folder(server: PostgresServer) -> Path:
    """The data folder, for drills that look at or copy the files of a stopped server."""
    return server.folder / "data"
