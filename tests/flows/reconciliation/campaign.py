"""The corruptor: `python -m tests.flows.reconciliation.campaign [seeds] [scale of the larger one]`.

A right statement is spoiled with every kind of fault at rates drawn from a seed, and what was done is written down;
each fault must be found once, in its class and at its place, and none invented. The same file again changes nothing.
Each seed also damages the file as a whole (count, sum, sequence, column, cut off): it is refused and leaves nothing.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.databases import fresh_postgres, migrate
from tests.flows.reconciliation.builders import NOON, VAULT
from tests.flows.reconciliation.faults import FAULTS, Case, Place, hide_references, make_case, period
from tests.flows.reconciliation.summed import FAULTS as SUM_FAULTS
from tests.flows.reconciliation.summed import NoneLeft, make_summary
from tests.servers.shared import close_session, open_session
from voucher_service.db import Database
from voucher_service.errors import BadFile
from voucher_service.reconciliation.models import Break, BreakClass, LineClaim, Statement, StatementLine
from voucher_service.reconciliation.run import RunResult, figures, run
from voucher_service.reconciliation.statements import import_statement

Found = Counter[tuple[Place, BreakClass]]


@contextmanager
def undone(database: Database) -> Iterator[Session]:
    """A transaction that leaves nothing."""
    with database.begin() as session:
        yield session
        session.rollback()


def spoil(case: Case, random: Random, most: int = 3) -> Counter[str]:
    """Plant each kind of fault up to `most` - 1 times; return how often each was."""
    planted: Counter[str] = Counter()
    for fault in FAULTS:
        for _ in range(random.randrange(most)):
            before = len(case.expected)
            fault(case)  # the two orders under one reference are spoiled once at most
            planted[fault.__name__] += len(case.expected) - before
    hide_references(case)
    return planted


def reconcile(session: Session, case: Case, content: bytes | None = None) -> tuple[Statement, RunResult]:
    """Import the statement and run it."""
    statement = import_statement(
        session, vault=VAULT,
        partner_id=case.world.partner_id, file_name="releve.csv", content=content or case.content(),
        actor="lea", now=NOON, period=period(),
    )  # fmt: skip
    return statement, run(session, statement.id, NOON)


def found(session: Session) -> Found:
    """The open differences, each at its line or its order."""
    rows: Iterable[tuple[int | None, UUID, str]] = session.execute(
        select(StatementLine.line, Break.order_id, Break.kind)
        .select_from(Break)
        .join(StatementLine, StatementLine.id == Break.line_id, isouter=True)
        .where(Break.resolved_at.is_(None))
    )
    return Counter((order if line is None else line, BreakClass(kind)) for line, order, kind in rows)


def one(session: Session, seed: int, *, scale: int = 1, most: int = 3) -> tuple[Counter[str], list[str]]:
    """Try a seed; return what was planted and what went wrong."""
    case = make_case(session, seed, scale)
    random = Random(seed)
    wrong = _refused_whole(session, case, random)
    planted = spoil(case, random, most)
    statement, result = reconcile(session, case)
    told, expected = found(session), Counter(case.expected.items())
    wrong += [f"not found: {place} {kind}" for place, kind in expected - told]
    wrong += [f"invented: {place} {kind}" for place, kind in told - expected]
    if case.undecided & set(result.settled):
        wrong.append("a line of another product booked what was open")
    unclear = sum(kind is BreakClass.UNCLASSIFIED for kind in case.expected.values())
    if result.figures.unexplained != unclear or any(result.figures.residual.values()):
        wrong.append(f"left over: {result.figures}")
    if result.figures.lines != len(case.rows) or figures(session, statement) != result.figures:
        wrong.append("the figures of the run are not those of the tables")
    again, second = reconcile(session, case)
    if again.id != statement.id or (second.new, second.closed, second.settled) != (0, 0, ()) or found(session) != told:
        wrong.append(f"the same file again changed something: {second}")
    return planted, [f"seed {seed}: {line}" for line in wrong]


def summed_up(session: Session, seed: int) -> tuple[Counter[str], list[str]]:
    """Try a statement that sums up days, every kind of fault planted up to twice; return what went wrong too."""
    case = make_summary(session, seed)
    planted: Counter[str] = Counter()
    for fault in SUM_FAULTS:
        for _ in range(case.random.randrange(3)):
            with suppress(NoneLeft):
                fault(case)
                planted[f"total: {fault.__name__}"] += 1
    content, expected, claims = case.file()
    wrong: list[str] = []
    for turn in ("first", "again"):
        statement = import_statement(
            session, vault=VAULT,
            partner_id=case.world.partner_id, file_name="releve.csv", content=content, actor="lea", now=NOON,
            period=period(),
        )  # fmt: skip
        result = run(session, statement.id, NOON)
        told = found(session)
        right: Found = Counter(dict.fromkeys(expected.items(), 1))
        if told != right:
            wrong.append(f"{turn}: not found {right - told}, invented {told - right}")
        if result.figures.unexplained or any(result.figures.residual.values()):
            wrong.append(f"{turn}: left over {result.figures}")
        held = select(LineClaim.order_id, LineClaim.summed_by).where(LineClaim.summed_by.is_not(None))
        if {order: line % 2**32 for order, line in session.execute(held) if line} != claims:
            wrong.append(f"{turn}: a total claims what it must not, or not all it should")
        if turn == "again" and (result.new, result.closed, result.settled) != (0, 0, ()):
            wrong.append(f"the same file again changed something: {result}")
    return planted, [f"seed {seed}, totals: {line}" for line in wrong]


def _refused_whole(session: Session, case: Case, random: Random) -> list[str]:
    """Damage the file so that it must be refused; nothing of it may stay."""
    lines = case.content().decode().splitlines()
    place = random.randrange(2, len(lines) - 2)
    skipping = [f"{n + (n > place)}{line}" for n, line in enumerate(lines[1:-1], 1)]
    ways = {
        "count": [*lines[:-1], f"TOTAL;{len(lines) - 1}"],
        "sum": [*lines[:-1], f"TOTAL;{len(lines) - 2};0,01"],
        "sequence": [lines[0].replace("N;", "ligne;", 1), *skipping, lines[-1]],
        "line lost": [*lines[:place], *lines[place + 1 :]],
        "column": [lines[0].replace("status", "couleur"), *lines[1:]],
        "cut off": [*lines[:place], lines[place][: random.randrange(2, 30)]],
    }
    wrong = []
    for name, damaged in ways.items():
        try:
            with session.begin_nested():
                reconcile(session, case, "\n".join(damaged).encode())
            wrong.append(f"{name}: the damaged file was taken")
        except BadFile as error:
            if not error.line:
                wrong.append(f"{name}: refused without a line")
        if session.scalar(select(func.count()).select_from(StatementLine)):
            wrong.append(f"{name}: lines stayed")
    return wrong


def campaign(database: Database, seeds: range, scale: int) -> list[str]:
    """Try every seed small, then one at `scale`; print what was planted; return what went wrong."""
    planted: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in seeds:
        with undone(database) as session:
            done, bad = one(session, seed)
        planted += done
        wrong += bad
        with undone(database) as session:
            done, bad = summed_up(session, seed)
        planted += done
        wrong += bad
    with undone(database) as session:
        larger, bad = one(session, 7, scale=scale, most=scale)
    wrong += bad
    name = database.engine.dialect.name
    print(f"{name}: {len(seeds)} seeds, {planted.total()} faults; one larger with {larger.total()} faults")
    for kind, count in (planted + larger).most_common():
        print(f"  {kind:28} {count:6}")
    print(f"  wrong: {len(wrong)}", *wrong[:20], sep="\n    ")
    return wrong


def main(seeds: int = 200, scale: int = 20) -> int:
    """Run on both databases; return 1 when anything went wrong."""
    folder = open_session()
    try:
        with tempfile.TemporaryDirectory() as place, fresh_postgres() as postgres:
            sqlite = f"sqlite:///{place}/campaign.db"
            migrate(sqlite)
            wrong = []
            for url in (sqlite, postgres):
                database = Database(url)
                wrong += campaign(database, range(seeds), scale)
                database.close()
    finally:
        close_session(folder)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
