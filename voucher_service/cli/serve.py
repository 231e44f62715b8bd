"""`flask serve`: one command from an empty folder to a running service."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import structlog
from flask.cli import with_appcontext
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.mp import MPServer as Granian
from rich.console import Console
from rich.progress import Progress, TaskID
from sqlalchemy import inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from voucher_service.cli.card import show_card
from voucher_service.demo import programme
from voucher_service.migrations import runner
from voucher_service.services import Services
from voucher_service.settings import BadSettings, Settings
from voucher_service.vouchers.key_ring import KeyRing
from voucher_service.vouchers.models import SigningKey
from voucher_service.web import doors

WORKER_PATIENCE = 10  # seconds a worker has to finish its order


@click.command("serve")
@with_appcontext
def serve() -> None:
    """Prepare what is missing, then serve until stopped."""
    services = doors.services()
    console = Console(stderr=True)
    _check_folder(services.settings.data_dir)
    _check_port(services.settings)
    try:
        _prepare(services, console)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise click.ClickException(f"The database does not answer: {cause}. See DATABASE_URL.") from error
    except BadSettings as error:
        raise click.ClickException(f"These settings are wrong:\n{error}") from error
    show_card(services, console, doors.now())
    services.database.close()  # the web processes open connections of their own
    with _workers(services.settings):
        _run(services.settings, is_sqlite=services.database.is_sqlite)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise click.ClickException(
            f"Nothing can be written in {folder.absolute()} ({error.strerror}). "
            "Give this user the right to, or choose another folder: DATA_DIR=/path make run"
        ) from error


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise click.ClickException(
                f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). "
                f"Stop what runs there, or choose another port: PORT={settings.port + 1} make run"
            ) from error


def _prepare(services: Services, console: Console) -> None:
    settings, database = services.settings, services.database
    is_empty = not inspect(database.engine).get_table_names()
    # A key made beside a filled database could open nothing in it: then the old one must be restored.
    settings.load_master_key(create=is_empty)
    runner.upgrade(settings.database)
    if settings.demo and is_empty:
        with Progress(console=console, transient=True) as bar:
            tasks: dict[str, TaskID] = {}

            def progress(label: str, done: int, total: int) -> None:
                if label not in tasks:
                    tasks[label] = bar.add_task(label)
                bar.update(tasks[label], completed=done, total=total)

            _fill_quietly(services, progress)
        services.seal(doors.now(), sweep=True)
    else:
        services.database.run(_first_key, services.ring)


def _fill_quietly(services: Services, progress: programme.Progress) -> None:
    """Fill in the demonstration; that its partner hangs up now and then is part of the story, not of the log."""
    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        programme.fill(services, progress, now=doors.now())
    except KeyboardInterrupt as error:
        raise click.ClickException(
            "The demonstration is half made. Start again on an empty place: remove its DATA_DIR or database first."
        ) from error
    finally:
        structlog.configure(**kept)


def _first_key(session: Session, ring: KeyRing) -> None:
    """Make the first key that signs vouchers, so that a new programme can issue at once."""
    if session.scalar(select(SigningKey.key_id).where(SigningKey.organisation == ring.organisation).limit(1)) is None:
        ring.add_key(session, doors.now())


@contextmanager
def _workers(settings: Settings) -> Iterator[None]:
    """Run Celery beside the web processes when there is a broker; it stops with them."""
    if not settings.redis_url:
        yield  # the web process has a worker thread of its own: see `wsgi.serving`
        return
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "wsgi:celery", "worker"]
    command += ["--beat", "--schedule", str(settings.data_dir / "celery-beat")]
    command += ["--loglevel", settings.log_level, "--concurrency", str(os.cpu_count() or 1)]
    with subprocess.Popen(command) as worker:  # noqa: S603  # the command is ours
        try:
            yield
        finally:
            worker.terminate()
            try:
                worker.wait(WORKER_PATIENCE)
            except subprocess.TimeoutExpired:
                worker.kill()  # an order in hand is taken up again by the sweep


def _run(settings: Settings, *, is_sqlite: bool) -> None:
    # A fresh interpreter for each web process: none inherits a connection or a lock of this one.
    multiprocessing.set_start_method("spawn", force=True)
    # What an upload held goes back to the system: glibc would learn from the first large one to keep up to 32 MiB.
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(8 * 2**20))
    workers = settings.workers or (1 if is_sqlite else os.cpu_count() or 1)
    server = Granian(
        "wsgi:serving",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=settings.threads,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=WORKER_PATIENCE,
    )
    server.serve()
