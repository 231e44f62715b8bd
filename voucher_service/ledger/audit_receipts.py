"""The audit's rules for receipts: (rule, query for the rows that break it)."""

from __future__ import annotations

RECEIPT_RULES = (
    (
        "the receipts of a branch and year are numbered without a gap",
        """
        SELECT r.id, 'number ' || r.number || ' of branch ' || r.branch_id || ' in ' || r.year || ', none before it'
        FROM receipt r WHERE r.number > 1 AND NOT EXISTS (SELECT 1 FROM receipt p
            WHERE p.branch_id = r.branch_id AND p.year = r.year AND p.number = r.number - 1)
        """,
    ),
    (
        "a receipt is for what its visit paid into the till of its branch",
        """
        SELECT r.id, 'receipt ' || r.amount_cents || ', visit ' || COALESCE(v.paid_cents, 0) || ', transfer '
            || COALESCE(t.reason, 'missing') || ' ' || COALESCE(t.quantity, 0)
        FROM receipt r LEFT JOIN visit v ON v.id = r.visit_id LEFT JOIN scan s ON s.id = v.scan_id
        LEFT JOIN transfer t ON t.id = r.transfer_id
        WHERE v.id IS NULL OR s.id IS NULL OR t.id IS NULL OR v.paid_cents <> r.amount_cents
           OR t.quantity <> r.amount_cents OR t.unit <> 'eur_cent' OR t.reason <> 'price_paid'
           OR t.request_hash <> s.request_hash OR v.branch_id <> r.branch_id
        """,
    ),
)
