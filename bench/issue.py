"""Issuing and signing a batch of 100,000 vouchers, on both databases: vouchers a second and peak memory.

python -m bench.issue [vouchers]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from uuid import UUID

from rich.progress import Progress
from sqlalchemy import select

from tests.programme import Programme
from tests.servers.postgresql import postgres
from voucher_service.ids import new_id
from voucher_service.migrations.runner import upgrade
from voucher_service.vouchers.code import verify
from voucher_service.vouchers.issue import issue_batch
from voucher_service.vouchers.models import Batch, BatchState, Voucher

CHECKED = 200
"""Codes whose signature is checked again after signing."""


def measure(name: str, url: str, count: int) -> None:
    """Issue and sign `count` vouchers in the empty database at `url`, and print what it took."""
    upgrade(url)
    programme = Programme.make(url, gift=500 * count)
    batch_id = new_id()
    with programme.database.begin() as session:
        session.add(ready_batch(programme, batch_id, count))
    with Progress() as bar:
        task = bar.add_task(f"{name}: issue", total=count)
        start = time.perf_counter()
        issued = issue_batch(
            programme.database,
            programme.ring,
            batch_id,
            clock=lambda: programme.now,
            progress=lambda done: bar.update(task, completed=done),
        )
        issuing = time.perf_counter() - start
    signing = _sign_all(programme, name, count)
    findings = programme.findings()
    programme.database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name}: {issued:,} issued at {issued / issuing:,.0f}/s, signed at {count / signing:,.0f}/s, "
        f"process peak so far {peak:,.0f} MB, audit {findings or 'clean'}"
    )


def ready_batch(programme: Programme, batch_id: UUID, count: int, *, branch_id: int | None = None) -> Batch:
    """A batch of top-ups whose issuing may start."""
    return Batch(
        branch_id=branch_id,
        id=batch_id,
        label="Banc d’essai",
        campaign_id=programme.campaign_id,
        offer_id=programme.top_up_id,
        quantity=count,
        issued_count=0,
        state=BatchState.READY.value,
        needs_second_person=0,
        created_by="staff:bench",
        created_at=programme.now,
    )


def _sign_all(programme: Programme, name: str, count: int) -> float:
    """Sign every voucher's code (QR digits and typed code); return the seconds of signing."""
    spent = 0.0
    with Progress() as bar, programme.database.begin() as session:  # streamed: in a transaction
        task = bar.add_task(f"{name}: sign", total=count)
        keys = programme.ring.public_keys(session, programme.now)
        vouchers = session.scalars(select(Voucher).execution_options(yield_per=1000))
        for number, voucher in enumerate(vouchers):
            start = time.perf_counter()
            printed = programme.ring.printed(session, voucher)
            spent += time.perf_counter() - start
            if number < CHECKED:
                assert verify(printed.digits, keys).serial == voucher.serial
            session.expunge(voucher)
            if number % 1000 == 999:
                bar.update(task, completed=number + 1)
    return spent


def main(count: int) -> None:
    """Run on SQLite, then on PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}", count)
    with postgres(own=True) as server:
        measure("PostgreSQL", server.url, count)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
