"""A Valkey (or Redis) of our own, which writes every change to its append-only file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.servers.binaries import valkey_program
from tests.servers.errors import ServerUnavailableError
from tests.servers.process import ExternalServer, Server, ServerProcess


class ValkeyServer(ServerProcess):
    """One Valkey on 127.0.0.1 with a password; it keeps its data over `kill` and `start`."""

    def __init__(self, *, watched: int | None = None) -> None:
        self._program = valkey_program()
        super().__init__(watched=watched)
        self._password = secrets.token_hex(16)
        settings = self.folder / "valkey.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self._password}\n"
            f'dir {self.folder}\nsave ""\nappendonly yes\nappendfsync everysec\n',
            encoding="ascii",
        )

    @property
    def url(self) -> str:
        """The address of database 0."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """Valkey in the foreground; the password stays in the file, out of the process list."""
        return [str(self._program), str(self.folder / "valkey.conf")]

    def answers(self) -> bool:
        """True when it answers PING and has read its data."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def given_valkey() -> ExternalServer | None:
    """The server of TEST_REDIS_URL, when set.

    Raises: ServerUnavailableError when it does not answer.
    """
    url = os.environ.get("TEST_REDIS_URL")
    if not url:
        return None
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        message = f"the Valkey of TEST_REDIS_URL does not answer: {error}"
        raise ServerUnavailableError(message) from error
    return ExternalServer(url)


@contextmanager
def valkey(*, own: bool = False) -> Iterator[Server]:
    """A running Valkey; `own` always starts a new one, removed at the end."""
    given = None if own else given_valkey()
    if given is not None:
        yield given
        return
    server = ValkeyServer()
    try:
        server.start()
        yield server
    finally:
        server.close()
