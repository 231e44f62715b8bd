"""The four ways to redeem that `bench.redemptions` compares: pgbench, our SQL in pgbench, Python, HTTP."""

from __future__ import annotations

import multiprocessing
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from tests.programme import NOON, Programme
from tests.servers.binaries import postgres_folder
from tests.servers.postgresql import plain
from voucher_service.crypto import Vault
from voucher_service.db import Database
from voucher_service.ids import new_id
from voucher_service.visits import hot_path
from voucher_service.visits.redeem import ScanRequest, redeem
from voucher_service.vouchers.code import VoucherBody, sign, to_digits
from voucher_service.vouchers.key_ring import KeyRing

# The limit: the same rows in the same tables, in one prepared call, with nothing checked and nothing returned.
LIMIT = """
WITH v AS (
    UPDATE voucher SET state = 'redeemed', redeemed_key = {scan}, redeemed_at = now(), redeemed_branch_id = 1
    WHERE id = {voucher}
), t AS (
    INSERT INTO transfer (id, key, request_hash, unit, quantity, source_id, destination_id, reason, object_kind,
                          object_id, actor, occurred_at, recorded_at, resolves_id)
    VALUES ({hold}, 'redeem:' || {scan}, sha256(int8send(:n)), 'eur_cent', 500, {book}20, {book}30, 'redeemed',
            'order', {order}::text, 'staff:{staff}', now(), now(), {reservation})
), o AS (
    INSERT INTO top_up_order (id, voucher_id, reservation_id, hold_id, allocation_id, branch_id, unit, quantity,
                              state, created_at, due_at, tries, queries)
    VALUES ({order}, {voucher}, {reservation}, {hold}, {book}, 1, 'eur_cent', 500, 'waiting', now(), now(), 0, 0)
), s AS (
    INSERT INTO scan (id, request_hash, voucher_id, order_id, branch_id, staff_id, scanned_at, received_at,
                      outcome, detail)
    VALUES ({scan}, sha256(int8send(:n)), {voucher}, {order}, 1, '{staff}', now(), now(), 'accepted', '{{}}')
)
INSERT INTO visit (id, kind, scan_id, voucher_id, campaign_id, branch_id, staff_id, occurred_at, recorded_at,
                   answers, paid_cents)
VALUES ({visit}, 'redemption', {scan}, {voucher}, '{campaign}', 1, '{staff}', now(), now(), '{{}}', 0);
"""
_KINDS = {"reservation": 1, "voucher": 2, "scan": 3, "order": 4, "hold": 5, "visit": 6, "cash": 7}


def _id_sql(kind: str) -> str:
    return f"('0{_KINDS[kind]}000000-0000-7000-8000-' || lpad(to_hex(:n), 12, '0'))::uuid"


def limit_script(programme: Programme) -> str:
    """Return the pgbench script of the limit."""
    names = {kind: _id_sql(kind) for kind in _KINDS}
    return LIMIT.format(
        **names, book=programme.allocation_id, campaign=programme.campaign_id, staff=programme.staff[1].id
    )


def feature_script(programme: Programme) -> str:
    """Return our own statement as a pgbench script: each parameter is written out or computed from :n."""
    statement, _ = hot_path._STATEMENTS["signed"]  # what is measured is exactly this
    staff = programme.staff[1].id
    values = {
        "scan_id": _id_sql("scan"), "order_id": _id_sql("order"), "hold_id": _id_sql("hold"),
        "visit_id": _id_sql("visit"), "cash_id": _id_sql("cash"), "order_text": f"({_id_sql('order')}::text)",
        "hold_key": "('redeem:' || :n)", "cash_key": "('price:' || :n)", "request_hash": "sha256(int8send(:n))",
        "branch_id": "1", "till_book_id": "1", "staff_id": f"'{staff}'", "actor": f"'staff:{staff}'",
        "scanned_at": "now()", "now": "now()", "today": "date '2026-03-04'", "paid_cents": "0",
        "has_number": "false", "number_sealed": "NULL::bytea", "number_lookup": "NULL::bytea",
        "number_tail": "NULL", "order_key": "NULL::bytea", "visit_key": "NULL::bytea",
        "note_sealed": "NULL::bytea", "next_visit_on": "NULL", "answers": "'{}'", "detail": "'{}'",
        "organisation": "1", "key_id": "1", "serial": ":n", "nonce": ":n", "offer_code": "11", "value": "500",
        "last_day": "date '2030-01-01'",
    }  # fmt: skip
    return re.sub(r"\$(\d+)", lambda found: values[statement.names[int(found[1]) - 1][2:]], statement.sql) + ";"


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run: redemptions a second."""

    per_second: float


def pgbench(url: str, script: str, first: int, clients: int, each: int) -> Run:
    """Run `script` with `clients` clients of `each` redemptions from voucher `first` on, prepared."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        start = f"\\set i :i + 1\n\\set n {first} + :client_id * {each} + :i\n"
        # pgbench sends its variables as text of no type
        typed = re.sub(r":n\b", "cast(:n AS bigint)", script.strip())
        path.write_text(start + typed + "\n", encoding="utf-8")
        done = subprocess.run(
            [str(postgres_folder() / "pgbench"), "-n", "-M", "prepared", "-f", str(path), "-D", "i=-1",
             "-c", str(clients), "-j", "1", "-t", str(each), plain(url)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    found = re.search(r"tps = ([\d.]+) \(without", done.stdout)
    if done.returncode or found is None or "0 (0.000%)" not in done.stdout:
        raise RuntimeError(f"pgbench: {done.stdout}\n{done.stderr[:2000]}")
    return Run(float(found[1]))


def codes(programme: Programme, first: int, count: int) -> list[str]:
    """Return the signed codes of vouchers `first` and after."""
    with programme.database.read() as session:
        private = programme.ring._private_key(session, 1)  # to sign codes that no page issued
    return [
        to_digits(sign(VoucherBody(1, 1, number, number, 11, 500, date(2030, 1, 1)), private))
        for number in range(first, first + count)
    ]


def python(url: str, master: bytes, staff: UUID, work: Sequence[Sequence[str]]) -> Run:
    """Redeem each list of codes in a process of its own, all starting together; signatures are checked."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(work) + 1)
    processes = [context.Process(target=_redeem_all, args=(url, master, staff, part, barrier)) for part in work]
    for process in processes:
        process.start()
    barrier.wait()
    start = time.perf_counter()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a redeeming process failed")
    return Run(sum(map(len, work)) / (time.perf_counter() - start))


def _redeem_all(url: str, master: bytes, staff: UUID, work: Sequence[str], barrier: _Barrier) -> None:
    database, vault = Database(url, pool_size=1), Vault(master)
    ring = KeyRing(vault, 1)
    with database.read() as session:
        ring.public_keys(session, NOON)
    barrier.wait()
    for code in work:
        request = ScanRequest(scan_id=new_id(), code=code, branch_id=1, till_book_id=1, staff_id=staff, scanned_at=NOON)
        assert database.run_autocommit(redeem, vault, ring, request, now=NOON).order_id is not None


class _Barrier:
    """What the processes wait at; only named here for the annotation."""

    wait: Callable[[], int]
