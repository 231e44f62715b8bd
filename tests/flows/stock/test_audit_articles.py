"""Each rule of articles finds the fault it is for, and names the row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.flows.stock.files import iccid
from tests.flows.stock.shelves import SOUTH, Shelves
from tests.flows.test_audit import Fault
from voucher_service.ledger.audit import audit
from voucher_service.ledger.audit_articles import ARTICLE_RULES

LIES = "an article lies at the branch that its lot came to, or that its last journey led to"
TRANSIT = "what is in transit is in one parcel under way, from where it left"
ORDER = "an article set aside or given is that of its order, at the order's branch"
PARCEL = "a parcel has booked what it holds: sent, then arrived or lost; received by another person"
COUNT = "a stock-take has booked what it found missing or found back, signed by two people"
EQUATION = "a lot was received whole, and received = held + in transit + delivered + expired + returned + lost"
STOCK = "each code and article of stock lies where the books say"
REASON = "what expired, and what was lost and not found, is booked for that reason"

FAULTS = [
    Fault(LIES, "UPDATE article SET branch_id = 1 WHERE id = :arrived", "arrived"),
    Fault(LIES, "UPDATE article SET branch_id = 2 WHERE id = :shelf", "shelf"),
    Fault(LIES, "UPDATE parcel_article SET arrived = 0 WHERE article_id = :arrived", "arrived"),
    Fault(LIES, "UPDATE article_lot SET kind = 'handset'", "shelf"),
    Fault(TRANSIT, "UPDATE article SET state = 'in_stock' WHERE id = :away", "away"),
    Fault(TRANSIT, "UPDATE parcel_article SET arrived = 1 WHERE article_id = :away", "away"),
    Fault(TRANSIT, "UPDATE article SET state = 'in_transit' WHERE id = :shelf", "shelf"),
    Fault(ORDER, "UPDATE article SET order_id = NULL WHERE id = :held", "held"),
    Fault(ORDER, "UPDATE top_up_order SET partner_ref = '893' WHERE id = :order", "given"),
    Fault(ORDER, "UPDATE article SET state = 'given' WHERE id = :held", "held"),
    Fault(PARCEL, "UPDATE transfer SET quantity = 2 WHERE reason = 'sent' AND object_id = :parcel_text", "parcel"),
    Fault(PARCEL, "DELETE FROM transfer WHERE reason = 'arrived'", "received"),
    Fault(PARCEL, "UPDATE parcel SET ended_by = sent_by WHERE state = 'received'", "received"),
    Fault(PARCEL, "UPDATE parcel SET state = 'recalled' WHERE id = :received", "received"),
    Fault(COUNT, "UPDATE count_line SET finding = 'explained' WHERE finding = 'missing'", "count"),
    Fault(COUNT, "DELETE FROM transfer WHERE object_kind = 'count'", "count"),
    Fault(COUNT, "UPDATE stock_count SET closed_by = submitted_by", "count"),
    Fault(EQUATION, "DELETE FROM article WHERE id = :shelf", "lot"),
    Fault(STOCK, "UPDATE article SET state = 'returned' WHERE id = :shelf", "lot_available"),
    Fault(STOCK, "UPDATE article SET state = 'in_stock' WHERE id = :away", "lot_transit"),
    Fault(REASON, "UPDATE article SET state = 'expired' WHERE state = 'lost'", "lot"),
]


def a_month(shelves: Shelves) -> dict[str, Any]:
    """A card in each place: on the shelf, set aside, given, under way, arrived, lost at a stock-take."""
    lot_id = shelves.bring("sim", list(range(1, 8)))
    order_id = shelves.want("sim")
    given = shelves.give(order_id, _held(shelves)).serial
    shelves.want("sim")
    held = _held(shelves)
    free = [iccid(number) for number in range(1, 8) if shelves.article(iccid(number)).state == "in_stock"]
    received = shelves.receive(shelves.send(serials=(free[0],)))
    parcel = shelves.send(serials=(free[1],))
    count = shelves.count()
    shelves.see(count, held, free[2], free[3])
    shelves.close(count)
    waits = shelves.want("sim", branch=SOUTH)
    assert shelves.article(free[0]).order_id == waits
    return {
        "lot": lot_id,
        "lot_available": lot_id * 100 + 10,
        "lot_transit": lot_id * 100 + 31,
        "order": order_id,
        "given": shelves.article(given).id,
        "held": shelves.article(held).id,
        "shelf": shelves.article(free[2]).id,
        "arrived": shelves.article(free[0]).id,
        "away": shelves.article(free[1]).id,
        "parcel": parcel.id,
        "parcel_text": str(parcel.id),
        "received": received.id,
        "count": count.id,
    }


def _held(shelves: Shelves) -> str:
    return next(iccid(number) for number in range(1, 8) if shelves.article(iccid(number)).state == "held")


def let_anything_happen(shelves: Shelves) -> None:
    """Take the guards of the database away, as a superuser can: triggers, and on PostgreSQL the checks."""
    with shelves.programme.database.begin() as session:
        if shelves.programme.database.is_sqlite:
            for trigger in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                session.execute(text(f"DROP TRIGGER {trigger}"))
            return
        checks = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c'"
        for table, name in session.execute(text(checks)).all():
            if table.strip('"').startswith(("article", "parcel", "stock_count", "count_")):
                session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))


def found_after(shelves: Shelves, fault: Fault, rows: dict[str, Any]) -> set[str]:
    """The rows that the fault's rule names once it is planted; the fault is taken back."""
    named = {name: value for name, value in rows.items() if f":{name} " in f"{fault.sql} "}
    database = shelves.programme.database
    with database.engine.connect() as connection, Session(bind=connection) as session:
        if database.is_sqlite:
            session.execute(text("PRAGMA ignore_check_constraints = ON"))
            session.execute(text("PRAGMA defer_foreign_keys = ON"))
            named = {name: value.hex if hasattr(value, "hex") else value for name, value in named.items()}
        else:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        changed = session.execute(text(fault.sql), named)
        assert changed.rowcount > 0, f"nothing was planted by {fault.sql}"  # type: ignore[attr-defined]  # a cursor's
        found = {finding.row.replace("-", "") for finding in audit(session) if finding.rule == fault.rule}
        session.rollback()
        if database.is_sqlite:
            session.execute(text("PRAGMA ignore_check_constraints = OFF"))
    return found


def test_each_planted_fault_is_found_and_its_row_named(shelves: Shelves) -> None:
    rows = a_month(shelves)
    let_anything_happen(shelves)
    assert shelves.programme.findings() == []
    for fault in FAULTS:
        assert str(rows[fault.row]).replace("-", "") in found_after(shelves, fault, rows), fault
        assert shelves.programme.findings() == [], "the fault was taken back"


def test_every_rule_of_articles_has_a_planted_fault() -> None:
    assert {rule for rule, _sql in ARTICLE_RULES} <= {fault.rule for fault in FAULTS}
