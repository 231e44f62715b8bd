"""The audit's rules for differences closed by a booking: (rule, query for the rows that break it)."""

from __future__ import annotations

_ID = "REPLACE(CAST({0} AS VARCHAR(40)), '-', '')"
_CLOSED_BY = f"REPLACE(SUBSTR(b.resolved_by, 12), '-', '') = {_ID.format('s.id')}"

BREAK_RULES = (
    (
        "a break closed by a booking was booked as two people agreed",
        f"""
        SELECT b.id, 'closed by ' || b.resolved_by || ', agreed ' || COALESCE(s.agreed, 0) || ' to ' || s.quantity
            || ', booked ' || COALESCE(t.quantity, 0)
        FROM reconciliation_break b
        LEFT JOIN break_settlement s ON s.break_id = b.id AND {_CLOSED_BY}
        LEFT JOIN transfer t ON t.id = s.transfer_id
        WHERE b.resolved_by LIKE 'settlement:%' AND (s.id IS NULL OR COALESCE(s.agreed, 0) <> 1
            OR (s.needs_second_person = 1 AND s.decided_by = s.proposed_by)
            OR (s.way NOT IN ('noted', 'no_value') AND (t.id IS NULL OR (t.reason <> 'late_delivery' AND (
                ABS(s.quantity) <> t.quantity OR s.unit <> t.unit
                OR {_ID.format("t.object_id")} <> {_ID.format("b.id")})))))
        """,  # noqa: S608  # our own names
    ),
    (
        "a booking for a break has its settlement, agreed to once",
        f"""
        SELECT t.id, t.reason || ' ' || t.quantity FROM transfer t
        LEFT JOIN break_settlement s ON s.transfer_id = t.id AND s.agreed = 1
            AND {_ID.format("s.break_id")} = {_ID.format("t.object_id")}
        WHERE t.object_kind = 'break' AND s.id IS NULL
        """,  # noqa: S608  # our own names
    ),
    (
        "a line matched by hand has the answer of the people it needs",
        """
        SELECT c.line_id, 'claims ' || c.order_id FROM line_claim c
        LEFT JOIN pairing p ON p.line_id = c.line_id AND p.order_id = c.order_id AND p.is_same = 1 AND p.agreed = 1
            AND p.undone_at IS NULL AND (p.needs_second_person = 0 OR p.decided_by <> p.proposed_by)
        WHERE c.matched_by = 'hand' AND p.id IS NULL
        UNION ALL
        SELECT p.line_id, 'no claim of ' || p.order_id FROM pairing p
        LEFT JOIN line_claim c ON c.line_id = p.line_id AND c.order_id = p.order_id AND c.matched_by = 'hand'
        WHERE p.is_same = 1 AND p.agreed = 1 AND p.undone_at IS NULL AND c.line_id IS NULL
        """,
    ),
)
