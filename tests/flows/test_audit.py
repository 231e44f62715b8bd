"""The independent audit names the faulty row; each rule is shown to find what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.flows.delivery.lots import lot_file
from tests.programme import FIRST_DAY, Programme
from voucher_service.fulfilment.custody import take_out
from voucher_service.fulfilment.custody_models import ActKind
from voucher_service.fulfilment.lots import import_lot
from voucher_service.fulfilment.models import Lot
from voucher_service.ids import new_id
from voucher_service.ledger.audit import CHECKS
from voucher_service.ledger.audit_articles import ARTICLE_RULES
from voucher_service.ledger.audit_breaks import BREAK_RULES
from voucher_service.ledger.audit_offline import OFFLINE
from voucher_service.ledger.audit_paper import PAPER_RULES
from voucher_service.ledger.audit_receipts import RECEIPT_RULES
from voucher_service.ledger.audit_undo import UNDO_RULES
from voucher_service.partners.models import SecondPersonThreshold

OUTSIDE = "PRAGMA foreign_keys = OFF"


@dataclass(frozen=True)
class Fault:
    """A statement as a careless or dishonest administrator would type it, and the rule that must notice."""

    rule: str
    sql: str
    row: str  # which of the known rows must be named


FAULTS = [
    Fault("the kept balance equals its transfers", "UPDATE floor_balance SET balance = balance + 1", "available"),
    Fault("the kept balance equals its transfers", "UPDATE floor_balance SET counted = counted - 1", "available"),
    Fault(
        "no account inside the programme is below zero",
        "UPDATE transfer SET quantity = 1001 WHERE id = :hold",
        "reserved",
    ),
    Fault(
        "a transfer that ends a hold moves exactly what was held, from where it was held",
        "UPDATE transfer SET quantity = 499 WHERE id = :hold",
        "hold",
    ),
    Fault(
        "a transfer stays within one book and one unit", "UPDATE transfer SET unit = 'minute' WHERE id = :hold", "hold"
    ),
    Fault(
        "a hold is ended once at most",
        "UPDATE transfer SET resolves_id = :reservation WHERE id = :live_reservation",
        "reservation",
    ),
    Fault(
        "what leaves reserved or in delivery names the hold it ends",
        "UPDATE transfer SET resolves_id = NULL WHERE id = :hold",
        "hold",
    ),
    Fault(
        "a live voucher has its own reservation, unspent",
        "UPDATE voucher SET reservation_id = :reservation WHERE id = :live",
        "live",
    ),
    Fault(
        "a live voucher has its own reservation, unspent", "UPDATE voucher SET quantity = 400 WHERE id = :live", "live"
    ),
    Fault(
        "a voucher that is no longer live holds nothing",
        "UPDATE voucher SET state = 'cancelled' WHERE id = :live",
        "live",
    ),
    Fault(
        "every reservation belongs to one live voucher",
        "UPDATE voucher SET state = 'expired' WHERE id = :live",
        "live_reservation",
    ),
    Fault(
        "a redeemed voucher has one accepted scan, one order and one visit",
        "DELETE FROM visit WHERE id = :visit",
        "used",
    ),
    Fault("every accepted scan is one visit", "DELETE FROM visit WHERE id = :visit", "scan"),
    Fault(
        "every order was made by one accepted scan",
        "UPDATE scan SET outcome = 'used', order_id = NULL WHERE id = :scan",
        "order",
    ),
    Fault(
        "every visit of a redemption comes from an accepted scan",
        "UPDATE scan SET outcome = 'used', order_id = NULL WHERE id = :scan",
        "visit",
    ),
    Fault(
        "an order holds the value that its voucher had reserved",
        "UPDATE top_up_order SET quantity = 50 WHERE id = :order",
        "order",
    ),
    Fault("everything in delivery belongs to an order", "DELETE FROM top_up_order WHERE id = :order", "hold"),
    Fault(
        "the state of an order agrees with its transfers",
        "UPDATE top_up_order SET state = 'delivered' WHERE id = :order",
        "order",
    ),
    Fault(
        "the state of an order agrees with its transfers",
        "UPDATE top_up_order SET state = 'given_back' WHERE id = :order",
        "order",
    ),
    Fault(
        "a gift was received whole, and received = available + reserved + in delivery + delivered + returned + lost",
        "UPDATE allocation SET quantity = quantity + 1",
        "allocation",
    ),
    Fault("a batch has issued as many vouchers as it says", "UPDATE batch SET issued_count = 4", "batch"),
    Fault(
        "a late delivery is booked once, out of variance, and variance is made good when it is closed",
        "UPDATE top_up_order SET outcome_code = 'late_delivery' WHERE id = :order",
        "order",
    ),
    Fault(
        "a lot was received whole, and received = held + in transit + delivered + expired + returned + lost",
        "UPDATE lot SET quantity = 4",
        "lot",
    ),
    Fault(
        "a lot was received whole, and received = held + in transit + delivered + expired + returned + lost",
        "DELETE FROM stock_item WHERE state = 'in_stock'",
        "lot",
    ),
    Fault(
        "each code and article of stock lies where the books say",
        "UPDATE stock_item SET state = 'returned' WHERE state = 'in_stock'",
        "lot_available",
    ),
    Fault(
        "each code and article of stock lies where the books say",
        "UPDATE transfer SET quantity = 2 WHERE reason = 'written_off'",
        "lot_available",
    ),
    Fault(
        "what expired, and what was lost and not found, is booked for that reason",
        "UPDATE stock_item SET state = 'expired' WHERE state = 'lost'",
        "lot",
    ),
    Fault(
        "the price paid at a visit went into the till", "UPDATE visit SET paid_cents = 100 WHERE id = :visit", "visit"
    ),
]


def let_anything_happen(programme: Programme) -> None:
    """Switch triggers and foreign keys off, and drop the unique indexes, as a superuser can."""
    with programme.database.engine.connect() as connection:
        if programme.database.is_sqlite:
            for trigger in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars():
                connection.execute(text(f"DROP TRIGGER {trigger}"))
            connection.execute(text("DROP INDEX uq_transfer_resolves_id"))
            connection.commit()
            return
        connection.execute(text("DROP INDEX uq_transfer_resolves_id"))
        connection.commit()


def plant(programme: Programme, fault: Fault, rows: dict[str, Any]) -> None:
    """Do what the fault says, past every guard of the database."""
    let_anything_happen(programme)
    named = {name: value for name, value in rows.items() if f":{name}" in fault.sql}
    if programme.database.is_sqlite:
        named = {name: value.hex if hasattr(value, "hex") else value for name, value in named.items()}
        raw = programme.database.engine.raw_connection()
        raw.execute(OUTSIDE)
        raw.execute("PRAGMA ignore_check_constraints = ON")
        raw.execute(fault.sql, named)
        raw.commit()
        raw.invalidate()
        return
    with programme.database.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(fault.sql), named)


def _a_lot_with_a_loss(session: Session, programme: Programme) -> int:
    lot_id = session.scalars(select(Lot.id)).one()
    what = {"kind": ActKind.LOST, "quantity": 1, "reason": "enveloppe ouverte", "actor": "staff:test"}
    take_out(session, act_id=new_id(), lot_id=lot_id, now=programme.now, **what)  # type: ignore[arg-type]  # its names
    return lot_id


def busy_day(programme: Programme) -> dict[str, Any]:
    """One voucher live, one redeemed with its price paid, a batch of nothing: the rows faults are planted in."""
    live, used = programme.issue(), programme.issue()
    recorded = programme.scan(programme.digits(used), paid_cents=200)
    import_lot(
        programme.database,
        programme.vault,
        partner_id=programme.partner_id,
        file_name="codes.csv",
        content=lot_file([1, 2, 3]),
        actor="staff:test",
        now=programme.now,
    )
    with programme.database.begin() as session:
        session.add(SecondPersonThreshold(unit="piece", effective_from=FIRST_DAY, quantity=10))
    batch = new_id()
    with programme.database.begin() as session:
        session.execute(
            text(
                "INSERT INTO batch (id, label, campaign_id, offer_id, quantity, issued_count, state, "
                "needs_second_person, created_by, created_at) SELECT :id, 'lot', campaign_id, offer_id, 9, 0, "
                "'ready', 0, 'staff:test', issued_at FROM voucher LIMIT 1"
            ),
            {"id": batch.hex if programme.database.is_sqlite else batch},
        )
        lot_id = _a_lot_with_a_loss(session, programme)
        hold = session.execute(text("SELECT id FROM transfer WHERE reason = 'redeemed'")).scalar_one()
    return {
        "live": live.id,
        "live_reservation": live.reservation_id,
        "used": used.id,
        "hold": hold,
        "batch": batch,
        "reservation": used.reservation_id,
        "scan": recorded.scan_id,
        "order": recorded.order_id,
        "visit": recorded.visit_id,
        "allocation": programme.allocation_id,
        "lot": lot_id,
        "lot_available": lot_id * 100 + 10,
        "available": programme.allocation_id * 100 + 10,
        "reserved": programme.allocation_id * 100 + 20,
    }


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.sql[:60])
def test_each_planted_fault_is_found_and_its_row_named(programme: Programme, fault: Fault) -> None:
    rows = busy_day(programme)
    assert programme.findings() == []
    plant(programme, fault, rows)
    named = {finding.row.replace("-", "") for finding in programme.findings() if finding.rule == fault.rule}
    expected = str(rows[fault.row]).replace("-", "")
    assert expected in named


def test_every_rule_has_a_planted_fault() -> None:
    # tests/offline/test_audit_rules.py, tests/flows/test_undo.py, tests/paper/test_keying.py, test_receipts.py,
    # tests/flows/stock/test_audit_articles.py, and test_audit.py of the breaks
    elsewhere = {rule for rule, _sql in (*OFFLINE, *UNDO_RULES, *PAPER_RULES, *RECEIPT_RULES, *ARTICLE_RULES)}
    elsewhere |= {rule for rule, _sql in BREAK_RULES}
    assert {fault.rule for fault in FAULTS} | elsewhere == {check.rule for check in CHECKS}
