"""How fast a lot of codes is imported, and in how much memory. `python -m bench.lots [count]`.

Each database has a process of its own, so that the peak is its own; "before" is that process with the programme
open and the file written.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.flows.delivery.lots import row
from tests.programme import NOON, Programme
from tests.servers import postgres
from voucher_service.fulfilment.lots import import_lot
from voucher_service.migrations.runner import upgrade

DAY = date(2027, 6, 30)


def write_file(path: Path, count: int) -> None:
    """Write a lot of `count` codes, line by line."""
    with path.open("w", encoding="utf-8") as file:
        file.write("version;1\nseparator;semicolon\npartner;Opérateur Un\n")
        file.write(f"type;TOPUP5;500;{DAY};{count}\nserial;pin;product;face_value_cents;sell_by\n")
        file.writelines(f"{row(number, day=DAY)}\n" for number in range(count))


def peak_megabytes() -> float:
    """The most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(url: str, path: Path, count: int) -> None:
    """Import the file into the empty database at `url`; print one line."""
    upgrade(url)
    programme = Programme.make(url)
    before = peak_megabytes()
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("codes", total=count)
        started, worked = time.perf_counter(), time.process_time()
        import_lot(
            programme.database,
            programme.vault,
            partner_id=programme.partner_id,
            file_name=path.name,
            content=path,
            actor="staff:bench",
            now=NOON,
            progress=lambda done, _total: bar.update(task, completed=done),
        )
        seconds, worked = time.perf_counter() - started, time.process_time() - worked
    name = programme.database.engine.dialect.name
    print(
        f"{name:12}{count:10}{seconds:10.2f}{worked:10.2f}{count / seconds:12.0f}{before:12.0f}{peak_megabytes():10.0f}"
    )
    programme.database.close()


def main(count: int) -> None:
    """Print one line for each database."""
    print(
        f"{'database':12}{'codes':>10}{'seconds':>10}{'our CPU s':>10}{'codes/s':>12}{'before MB':>12}{'peak MB':>10}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder, postgres(own=True) as server:
        path = Path(folder) / "lot.csv"
        write_file(path, count)
        for url in (f"sqlite:///{folder}/bench.db", server.url):
            process = multiprocessing.get_context("spawn").Process(target=measure, args=(url, path, count))
            process.start()
            process.join()
            assert process.exitcode == 0, f"the import failed with {process.exitcode}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
