"""The audit's rules for redemptions taken back at the counter: (rule, query for the rows that break it)."""

from __future__ import annotations

UNDO_RULES = (
    (
        "a visit undone by whom had scanned gave back its value and its price",
        """
        SELECT u.visit_id, 'value ' || COALESCE(e.reason, 'not given back') || ', price ' || p.paid_cents
            || ', returned ' || COALESCE(r.quantity, 0)
        FROM visit_undo u LEFT JOIN visit p ON p.id = u.visit_id LEFT JOIN scan s ON s.id = p.scan_id
        LEFT JOIN top_up_order o ON o.id = u.order_id
        LEFT JOIN transfer e ON e.resolves_id = o.hold_id
        LEFT JOIN transfer r ON r.id = u.refund_id
        LEFT JOIN transfer t ON t.id = r.corrects_id
        WHERE s.id IS NULL OR o.id IS NULL OR s.order_id <> o.id OR s.staff_id <> u.staff_id
           OR COALESCE(e.reason, '') <> 'undone' OR e.destination_id <> o.allocation_id * 100 + 20
           OR p.paid_cents <> COALESCE(r.quantity, 0)
           OR (r.id IS NOT NULL AND (t.id IS NULL OR t.reason <> 'price_paid' OR t.request_hash <> s.request_hash
               OR r.source_id <> t.destination_id OR r.destination_id <> t.source_id OR r.reason <> 'price_returned'))
        """,
    ),
    (
        "what was given back for an undone visit has its visit marked undone",
        """
        SELECT t.id, t.reason || ' ' || t.quantity FROM transfer t
        LEFT JOIN top_up_order o ON o.hold_id = t.resolves_id
        LEFT JOIN visit_undo u ON u.order_id = o.id OR u.refund_id = t.id
        WHERE u.visit_id IS NULL AND (t.reason = 'price_returned' OR (t.reason = 'undone' AND t.source_id % 100 = 30))
        """,
    ),
)
