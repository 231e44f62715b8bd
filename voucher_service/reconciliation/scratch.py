"""Tables that last as long as a run: what a query found is kept beside, so that it is not sought six times."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Executable, Integer, String, Uuid, column, table, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import ClauseElement, SelectBase, TableClause

_ID = BigInteger().with_variant(Integer, "sqlite")

NAMED = table("named_order", column("order_id", Uuid()), column("line_id", _ID), column("done", Integer()))
"""The free orders whose id a line spells, each with the first such line; `done`: all of them plainly agree."""

ODD = table(
    "odd_line", column("id", _ID), column("order_id", Uuid()), column("named_id", Uuid()),
    column("partner_ref", String()), column("serial", String()), column("unit", String()),
    column("quantity", BigInteger()), column("status", String()),
)  # fmt: skip
"""The lines that our reference alone did not join to an order they plainly agree with: all others are done."""

LOOSE = table(
    "loose_line", column("id", _ID), column("named_id", Uuid()), column("partner_ref", String()),
    column("serial", String()), column("unit", String()), column("quantity", BigInteger()), column("status", String()),
)  # fmt: skip
"""The lines that no pass has matched so far."""

SEEN = table(
    "seen_line", column("line_id", _ID), column("order_id", Uuid()), column("unit", String()),
    column("quantity", BigInteger()), column("status", String()), column("ordered_unit", String()),
    column("ordered", BigInteger()), column("state", String()), column("hold_id", Uuid()), column("other", Integer()),
)  # fmt: skip
"""The lines that do not plainly agree with the order they claimed, with what is needed of both to tell why.

`ordered` is the quantity of the order; `other` 1 where the line states another product than we ordered.
"""

UNCLAIMED = table("unclaimed_order", column("order_id", Uuid()))
"""Our deliveries of the statement's days that no line tells of."""

SUMMABLE = table("summable_order", column("line_id", _ID), column("order_id", Uuid()), column("quantity", BigInteger()))
"""The free orders that each line that sums up may stand for; an order stands here once for each such line."""

FOUND = table(
    "found_difference", column("line_id", _ID), column("order_id", Uuid()), column("kind", String()),
    column("quantity", BigInteger()), column("unit", String()),
)  # fmt: skip
"""The differences that hold now."""


class _KeepAs(Executable, ClauseElement):
    """CREATE TEMPORARY TABLE … AS SELECT: on PostgreSQL, unlike INSERT … SELECT, it may use both cores."""

    inherit_cache = False

    def __init__(self, name: str, query: SelectBase) -> None:
        self.name = name
        self.query = query


@compiles(_KeepAs)
def _keep_as(element: _KeepAs, compiler: Any, **options: Any) -> str:
    return f"CREATE TEMPORARY TABLE {element.name} AS {compiler.process(element.query, **options)}"


def keep(session: Session, into: TableClause, query: SelectBase) -> None:
    """Fill the table with what `query` finds; what it held before is gone. Its columns stand in the table's order."""
    session.execute(text(f"DROP TABLE IF EXISTS {into.name}"))
    session.execute(_KeepAs(into.name, query))
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"ANALYZE {into.name}"))


def all_rows(session: Session) -> None:
    """Let PostgreSQL expect queries over all rows, until the end of the transaction or `few_rows`.

    A million lines meet a million orders in memory, not in files on disk, and on both cores though the planner
    expects more rows than will come. It needs to know how many rows there are, and little else of them.
    """
    _set(session, work_mem="128MB", parallel_tuple_cost="0", default_statistics_target="10")


def few_rows(session: Session) -> None:
    """Let it expect few rows, looked up one by one in pages that were read just now, and not all read again."""
    _set(session, random_page_cost="1.1", parallel_tuple_cost="0.1")


def _set(session: Session, **settings: str) -> None:
    if session.get_bind().dialect.name == "postgresql":
        for name, value in settings.items():
            session.execute(text(f"SET LOCAL {name} = '{value}'"))
