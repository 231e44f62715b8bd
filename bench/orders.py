"""A million delivered orders in seconds, with their holds, and the statement that speaks of them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Integer, MetaData, String, Table, Uuid, insert, select, text
from sqlalchemy.orm import Session

from tests.flows.reconciliation.builders import DAY, NOON, Wanted, add_orders, make_world
from voucher_service.db import Base, Database, UtcDateTime
from voucher_service.fulfilment.models import OrderState
from voucher_service.ids import PROGRAMME_ZONE

STEP = timedelta(seconds=2)
UNKNOWN_ONE_IN = 1_000
SPOILED_OF = 500  # five kinds of fault, each once in so many lines
ORDERS, TRANSFERS = Base.metadata.tables["top_up_order"], Base.metadata.tables["transfer"]
PLANNED = {"id", "hold_id", "reservation_id", "state", "at"}


def fill(url: str, size: int, folder: Path) -> Path:
    """Fill the database with `size` orders; write their statement and, beside it, the orders for another engine.

    One order is made as the service makes it; the others are copies of its rows, made by the database in two
    statements. The statement's name is the partner's id.
    """
    database = Database(url)
    ids = _ids(size)
    with database.begin() as session:
        world = make_world(session, grace=None)
        (pattern,) = add_orders(session, world, [Wanted(OrderState.WAITING)])
        if not database.is_sqlite:
            # Checked one by one, the foreign keys of rows that are right by construction take minutes.
            session.execute(text("SET LOCAL session_replication_role = replica"))
        _plan(session, ids)
        order: Any = session.execute(select(ORDERS).where(ORDERS.c.id == pattern)).one()
        _copy(session, TRANSFERS, order.reservation_id, {"id": "reservation_id", "key": "'bench-r:' || n"})
        hold = {"id": "hold_id", "key": "'bench:' || n", "resolves_id": "reservation_id"}
        _copy(session, TRANSFERS, order.hold_id, hold)
        _copy(session, ORDERS, pattern, {
            "id": "id", "hold_id": "hold_id", "reservation_id": "reservation_id", "state": "state",
            "partner_ref": "'T' || n", "created_at": "at", "final_at": "CASE state WHEN 'delivered' THEN at END",
        })  # fmt: skip
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE" if not database.is_sqlite else "ANALYZE")
        if not database.is_sqlite:
            connection.exec_driver_sql("CHECKPOINT")  # as any server minutes after such a filling
    database.close()
    path = folder / f"{world.partner_id}.csv"
    _write(path, ids)
    return path


def _plan(session: Session, ids: list[UUID]) -> None:
    """Put what differs from one order to the next into a table of its own."""
    plan = Table(
        "bench_plan", MetaData(), Column("n", Integer), Column("id", Uuid), Column("hold_id", Uuid),
        Column("reservation_id", Uuid), Column("state", String), Column("at", UtcDateTime), prefixes=["TEMPORARY"],
    )  # fmt: skip
    plan.create(session.connection())
    for start in range(0, len(ids), 50_000):
        session.execute(insert(plan), [
            {
                "n": n, "id": ids[n], "hold_id": UUID(int=ids[n].int ^ 1), "reservation_id": UUID(int=ids[n].int ^ 2),
                "state": _state(n), "at": _at(n),
            }
            for n in range(start, min(start + 50_000, len(ids)))
        ])  # fmt: skip


def _copy(session: Session, table: Table, pattern: UUID, own: dict[str, str]) -> None:
    names = [column.name for column in table.columns]
    taken = ", ".join(own.get(name, f"pattern.{name}").replace("CASE state", "CASE plan.state") for name in names)
    taken = ", ".join(f"plan.{part}" if part in PLANNED else part for part in taken.split(", "))
    session.execute(
        text(f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {taken} "  # noqa: S608  # our own names
             f"FROM bench_plan AS plan CROSS JOIN {table.name} AS pattern WHERE pattern.id = :pattern ORDER BY n"),
        {"pattern": pattern.hex if session.get_bind().dialect.name == "sqlite" else pattern},
    )  # fmt: skip


def _write(path: Path, ids: list[UUID]) -> None:
    """Write the statement, one line in a hundred of it spoiled, and the orders."""
    chosen = random.Random(7)
    with path.open("w", encoding="utf-8") as file, path.with_suffix(".orders").open("w") as orders:
        file.write("our ref;partner ref;serial;montant;unite;statut;date\n")
        orders.write("id,state,quantity,day\n")
        for n, order in enumerate(ids):
            at = _at(n).astimezone(PROGRAMME_ZONE)
            orders.write(f"{order},{_state(n)},1000,{at:%Y-%m-%d}\n")
            fault = chosen.randrange(SPOILED_OF)
            ref, cents, word = str(order), "10,00", "Livré"
            if fault == 0:
                continue
            if fault == 1:
                cents = "9,00"
            elif fault == 2:
                word = "Refusé"
            elif fault == 3:
                ref = "x" + ref[1:]
            when = at.strftime("%d/%m/%Y %H:%M:%S")
            line = f"{ref};T{n if fault != 3 else 'x'};;{cents};EUR;{word};{when}\n"
            file.write(line if fault != 4 else line * 2)


def _at(number: int) -> datetime:
    return datetime(DAY.year, DAY.month, DAY.day, 6, tzinfo=NOON.tzinfo) + number * STEP


def _ids(size: int) -> list[UUID]:
    """Ids of version 7, in the order of time, the same on every run."""
    chosen = random.Random(size)
    found = []
    for number in range(size):
        stamp = int(_at(number).timestamp() * 1000) << 80
        found.append(UUID(int=stamp | 0x7 << 76 | chosen.getrandbits(12) << 64 | 0x2 << 62 | chosen.getrandbits(62)))
    return found


def _state(number: int) -> str:
    return "unknown" if number % UNKNOWN_ONE_IN == 7 else "delivered"
