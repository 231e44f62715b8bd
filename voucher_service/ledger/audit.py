"""The independent audit: its own SQL, read-only, sharing no code with the features it judges.

Each check is one query that returns the rows that break a rule, so a finding names the faulty row. The
account numbers are written out on purpose (10 available, 20 reserved, 30 in delivery, 40 delivered,
60 returned to donor, 70 written off): an audit that imported them could not notice that they changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from voucher_service.ledger.audit_articles import ARTICLE_RULES
from voucher_service.ledger.audit_breaks import BREAK_RULES
from voucher_service.ledger.audit_offline import OFFLINE
from voucher_service.ledger.audit_paper import PAPER_RULES
from voucher_service.ledger.audit_receipts import RECEIPT_RULES
from voucher_service.ledger.audit_stock import STOCK_RULES
from voucher_service.ledger.audit_undo import UNDO_RULES


class Check(NamedTuple):
    """A rule and the query for what breaks it: rows of (faulty row, what is wrong)."""

    rule: str
    sql: str


class Finding(NamedTuple):
    """A row that breaks a rule."""

    rule: str
    row: str
    detail: str


_OPEN_ORDERS = "('waiting', 'sending', 'accepted', 'unknown', 'reversing', 'held', 'manual')"

CHECKS = (
    Check(
        "a transfer stays within one book and one unit",
        """
        SELECT t.id, 'accounts ' || t.source_id || ' and ' || t.destination_id FROM transfer t
        LEFT JOIN account s ON s.id = t.source_id LEFT JOIN account d ON d.id = t.destination_id
        WHERE s.id IS NULL OR d.id IS NULL OR s.unit <> t.unit OR d.unit <> t.unit
           OR s.book_id <> d.book_id OR t.quantity <= 0 OR t.source_id = t.destination_id
        """,
    ),
    Check(
        "the kept balance equals its transfers",
        """
        SELECT f.account_id, 'kept ' || f.balance || ' of ' || f.counted || ' transfers, found '
            || COALESCE(m.balance, 0) || ' of ' || COALESCE(m.counted, 0)
        FROM floor_balance f LEFT JOIN (
            SELECT account_id, SUM(moved) AS balance, COUNT(*) AS counted FROM (
                SELECT destination_id AS account_id, quantity AS moved FROM transfer
                UNION ALL SELECT source_id, -quantity FROM transfer
            ) each_side GROUP BY account_id
        ) m ON m.account_id = f.account_id
        WHERE f.balance <> COALESCE(m.balance, 0) OR f.counted <> COALESCE(m.counted, 0)
        """,
    ),
    Check(
        "no account inside the programme is below zero",
        """
        SELECT account_id, 'balance ' || SUM(moved) FROM (
            SELECT destination_id AS account_id, quantity AS moved FROM transfer
            UNION ALL SELECT source_id, -quantity FROM transfer
        ) each_side WHERE account_id % 100 NOT IN (1, 2, 80) GROUP BY account_id HAVING SUM(moved) < 0
        """,
    ),
    Check(
        "a transfer that ends a hold moves exactly what was held, from where it was held",
        """
        SELECT t.id, 'ends ' || h.quantity || ' at ' || h.destination_id || ' with ' || t.quantity
            || ' from ' || t.source_id
        FROM transfer t JOIN transfer h ON h.id = t.resolves_id
        WHERE t.quantity <> h.quantity OR t.unit <> h.unit OR t.source_id <> h.destination_id
        """,
    ),
    Check(
        "a hold is ended once at most",
        """
        SELECT resolves_id, COUNT(*) || ' transfers end it' FROM transfer
        WHERE resolves_id IS NOT NULL GROUP BY resolves_id HAVING COUNT(*) > 1
        """,
    ),
    Check(
        "what leaves reserved or in delivery names the hold it ends",
        """
        SELECT id, reason || ' from ' || source_id FROM transfer
        WHERE source_id % 100 IN (20, 30) AND resolves_id IS NULL
        """,
    ),
    Check(
        "a live voucher has its own reservation, unspent",
        """
        SELECT v.id, 'reservation ' || COALESCE(CAST(r.destination_id AS VARCHAR(20)), 'missing') FROM voucher v
        LEFT JOIN transfer r ON r.id = v.reservation_id LEFT JOIN transfer e ON e.resolves_id = v.reservation_id
        WHERE v.state = 'issued' AND (r.id IS NULL OR e.id IS NOT NULL OR r.quantity <> v.quantity
            OR r.unit <> v.unit OR r.destination_id <> v.allocation_id * 100 + 20)
        """,
    ),
    Check(
        "a voucher that is no longer live holds nothing",
        """
        SELECT v.id, v.state FROM voucher v LEFT JOIN transfer e ON e.resolves_id = v.reservation_id
        WHERE v.state <> 'issued' AND e.id IS NULL
        """,
    ),
    Check(
        "every reservation belongs to one live voucher",
        """
        SELECT r.id, 'reserved ' || r.quantity || ', live vouchers ' || COUNT(v.id) FROM transfer r
        LEFT JOIN transfer e ON e.resolves_id = r.id
        LEFT JOIN voucher v ON v.reservation_id = r.id AND v.state = 'issued'
        WHERE r.destination_id % 100 = 20 AND e.id IS NULL GROUP BY r.id, r.quantity HAVING COUNT(v.id) <> 1
        """,
    ),
    Check(
        "a redeemed voucher has one accepted scan, one order and one visit",
        """
        SELECT v.id, COUNT(o.id) || ' orders, ' || COUNT(s.id) || ' scans, ' || COUNT(p.id) || ' visits' FROM voucher v
        LEFT JOIN top_up_order o ON o.voucher_id = v.id AND o.reservation_id = v.reservation_id
        LEFT JOIN scan s ON s.order_id = o.id AND s.id = v.redeemed_key LEFT JOIN visit p ON p.scan_id = s.id
        WHERE v.state = 'redeemed' GROUP BY v.id HAVING COUNT(o.id) <> 1 OR COUNT(s.id) <> 1 OR COUNT(p.id) <> 1
        """,
    ),
    Check(
        "every order was made by one accepted scan",
        """
        SELECT o.id, COUNT(s.id) || ' scans' FROM top_up_order o
        LEFT JOIN scan s ON s.order_id = o.id AND s.voucher_id = o.voucher_id AND s.outcome = 'accepted'
        GROUP BY o.id HAVING COUNT(s.id) <> 1
        """,
    ),
    Check(
        "every accepted scan is one visit",
        """
        SELECT s.id, COUNT(p.id) || ' visits' FROM scan s LEFT JOIN visit p ON p.scan_id = s.id
        WHERE s.outcome = 'accepted' GROUP BY s.id HAVING COUNT(p.id) <> 1
        """,
    ),
    Check(
        "every visit of a redemption comes from an accepted scan",
        """
        SELECT p.id, COALESCE(s.outcome, 'no scan') FROM visit p LEFT JOIN scan s ON s.id = p.scan_id
        WHERE p.kind = 'redemption' AND (s.id IS NULL OR s.outcome <> 'accepted' OR s.voucher_id <> p.voucher_id)
        """,
    ),
    Check(
        "an order holds the value that its voucher had reserved",
        """
        SELECT o.id, 'hold ' || h.quantity || ' at ' || h.destination_id FROM top_up_order o
        JOIN transfer h ON h.id = o.hold_id
        WHERE h.resolves_id IS NULL OR h.resolves_id <> o.reservation_id OR h.quantity <> o.quantity
           OR h.unit <> o.unit OR h.destination_id <> o.allocation_id * 100 + 30
        """,
    ),
    Check(
        "everything in delivery belongs to an order",
        """
        SELECT h.id, 'no order holds it' FROM transfer h LEFT JOIN top_up_order o ON o.hold_id = h.id
        WHERE h.destination_id % 100 = 30 AND o.id IS NULL
        """,
    ),
    Check(
        "the state of an order agrees with its transfers",
        f"""
        SELECT o.id, o.state || ', hold ended towards ' || COALESCE(CAST(e.destination_id AS VARCHAR(20)), 'nothing')
        FROM top_up_order o LEFT JOIN transfer e ON e.resolves_id = o.hold_id
        WHERE NOT (
            (o.state IN {_OPEN_ORDERS} AND e.id IS NULL AND COALESCE(o.outcome_code, '') <> 'late_delivery')
            OR (o.state IN ('delivered', 'reversed') AND e.destination_id = o.allocation_id * 100 + 40)
            OR (o.state = 'given_back' AND e.destination_id = o.allocation_id * 100 + 20)
            OR (o.state = 'lost' AND e.destination_id = o.allocation_id * 100 + 70)
            OR (o.outcome_code = 'late_delivery' AND o.state IN ('manual', 'delivered', 'given_back')
                AND e.destination_id IN (o.allocation_id * 100 + 20, o.allocation_id * 100 + 70))
        ) OR e.id IS NULL AND o.state NOT IN {_OPEN_ORDERS}
        """,  # noqa: S608  # the states are the constant above
    ),
    Check(
        "a late delivery is booked once, out of variance, and variance is made good when it is closed",
        """
        SELECT o.id, o.state || ', booked late ' || COALESCE(l.booked, 0) || ', made good ' || COALESCE(l.good, 0)
        FROM top_up_order o LEFT JOIN (
            SELECT object_id,
                SUM(CASE WHEN source_id % 100 = 80 AND destination_id % 100 = 40 THEN quantity ELSE 0 END) AS booked,
                SUM(CASE WHEN destination_id % 100 = 80 THEN quantity ELSE 0 END) AS good
            FROM transfer WHERE source_id % 100 = 80 OR destination_id % 100 = 80 GROUP BY object_id
        ) l ON REPLACE(l.object_id, '-', '') = REPLACE(CAST(o.id AS VARCHAR(40)), '-', '')
        WHERE o.outcome_code = 'late_delivery'
          AND (COALESCE(l.booked, 0) <> o.quantity
            OR COALESCE(l.good, 0) <> CASE WHEN o.state = 'manual' THEN 0 ELSE o.quantity END)
        """,
    ),
    Check(
        "a gift was received whole, and received = available + reserved + in delivery + delivered + returned + lost",
        """
        SELECT a.id, a.state || ', given ' || a.quantity || ', received ' || COALESCE(r.received, 0)
            || ', accounted for ' || COALESCE(r.held, 0)
        FROM allocation a LEFT JOIN (
            SELECT (source_id - source_id % 100) / 100 AS book_id,
                SUM(CASE WHEN source_id % 100 = 1 THEN quantity ELSE 0 END)
                - SUM(CASE WHEN destination_id % 100 = 1 THEN quantity ELSE 0 END) AS received,
                SUM(CASE WHEN destination_id % 100 IN (10, 20, 30, 40, 60, 70, 80) THEN quantity ELSE 0 END)
                - SUM(CASE WHEN source_id % 100 IN (10, 20, 30, 40, 60, 70, 80) THEN quantity ELSE 0 END) AS held
            FROM transfer GROUP BY (source_id - source_id % 100) / 100
        ) r ON r.book_id = a.id
        WHERE (a.state IN ('open', 'closed') AND COALESCE(r.received, 0) <> a.quantity)
           OR (a.state NOT IN ('open', 'closed') AND COALESCE(r.received, 0) <> 0)
           OR COALESCE(r.received, 0) <> COALESCE(r.held, 0)
        """,
    ),
    Check(
        "a batch has issued as many vouchers as it says",
        """
        SELECT b.id, 'says ' || b.issued_count || ' of ' || b.quantity || ', found ' || COUNT(v.id)
        FROM batch b LEFT JOIN voucher v ON v.batch_id = b.id
        GROUP BY b.id, b.issued_count, b.quantity HAVING COUNT(v.id) <> b.issued_count OR b.issued_count > b.quantity
        """,
    ),
    Check(
        "the price paid at a visit went into the till",
        """
        SELECT p.id, 'paid ' || p.paid_cents || ', in the till ' || COALESCE(t.quantity, 0) FROM visit p
        JOIN scan s ON s.id = p.scan_id JOIN top_up_order o ON o.id = s.order_id
        LEFT JOIN transfer t ON t.reason = 'price_paid' AND t.request_hash = s.request_hash
        WHERE p.paid_cents <> COALESCE(t.quantity, 0)
        """,
    ),
    *(Check(*rule) for rule in STOCK_RULES),
    *(Check(*rule) for rule in ARTICLE_RULES),
    *(Check(*rule) for rule in UNDO_RULES),
    *(Check(*rule) for rule in BREAK_RULES),
    *(Check(*rule) for rule in PAPER_RULES),
    *(Check(*rule) for rule in RECEIPT_RULES),
    *(Check(rule, sql) for rule, sql in OFFLINE),
)


def audit(session: Session, *, most: int = 20) -> Iterator[Finding]:
    """Yield what is wrong, at most `most` rows a rule; nothing when the books are sound."""
    for check in CHECKS:
        for row, detail in session.execute(text(check.sql)).fetchmany(most):
            yield Finding(check.rule, str(row), str(detail))
