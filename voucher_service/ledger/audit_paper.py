"""The audit's rules for the counter on paper: (rule, query for the rows that break it)."""

from __future__ import annotations

PAPER_RULES = (
    (
        "a confirmed line of paper is one accepted scan of its voucher, in its pack's branch, at the time written",
        """
        SELECT p.id, 'pack ' || k.number || ', page ' || p.page || ', line ' || p.line || ': '
            || COALESCE(s.outcome, 'no scan') || ', visit ' || COALESCE(v.kind, 'missing')
        FROM paper_line p JOIN emergency_pack k ON k.id = p.pack_id LEFT JOIN scan s ON s.id = p.scan_id
        LEFT JOIN visit v ON v.scan_id = s.id
        WHERE p.status = 'confirmed' AND (s.id IS NULL OR v.id IS NULL OR s.outcome <> 'accepted'
            OR s.voucher_id <> p.voucher_id OR s.branch_id <> k.branch_id OR s.staff_id <> p.staff_id
            OR v.occurred_at <> p.handed_at)
        """,
    ),
    (
        "a line of paper in conflict has redeemed nothing",
        """
        SELECT p.id, p.reason || ', scan ' || COALESCE(s.outcome, 'missing') FROM paper_line p
        LEFT JOIN scan s ON s.id = p.scan_id
        WHERE p.status = 'conflict' AND (s.id IS NULL OR s.outcome <> p.reason OR s.order_id IS NOT NULL)
        """,
    ),
    (
        "a line of paper that waits for a person is kept whole",
        """
        SELECT p.id, p.reason || ' without its content' FROM paper_line p
        JOIN voucher v ON v.id = p.voucher_id LEFT JOIN person n ON n.id = v.person_id
        WHERE p.status = 'conflict' AND p.closed_at IS NULL AND p.content_sealed IS NULL AND n.erased_at IS NULL
        """,
    ),
)
