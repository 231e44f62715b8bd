"""The audit's rules for what devices accepted without a network: (rule, query for the rows that break it)."""

from __future__ import annotations

OFFLINE = (
    (
        "a confirmed acceptance of a device is one accepted scan, of the voucher it names, in its branch and shift",
        """
        SELECT e.id, 'scan ' || COALESCE(s.outcome, 'missing') || ', shift '
            || COALESCE(CAST(h.branch_id AS VARCHAR(20)), 'missing')
        FROM offline_entry e JOIN device d ON d.id = e.device_id LEFT JOIN scan s ON s.id = e.scan_id
        LEFT JOIN voucher v ON v.id = e.voucher_id LEFT JOIN shift h ON h.id = e.shift_id AND h.device_id = d.id
        WHERE e.status = 'confirmed' AND (s.id IS NULL OR h.id IS NULL OR s.outcome <> 'accepted'
            OR s.voucher_id <> e.voucher_id OR v.organisation <> e.organisation OR v.key_id <> e.key_id
            OR v.serial <> e.serial OR v.unit <> e.unit OR v.quantity <> e.value OR v.branch_id <> d.branch_id)
        """,
    ),
    (
        "an acceptance that was not confirmed has redeemed nothing",
        """
        SELECT e.id, e.status || ', ' || e.reason FROM offline_entry e JOIN scan s ON s.id = e.scan_id
        WHERE e.status <> 'confirmed' AND e.placed = 1 AND s.outcome = 'accepted' AND NOT EXISTS (
            SELECT 1 FROM offline_entry c WHERE c.scan_id = e.scan_id AND c.status = 'confirmed')
            AND e.reason IN ('used', 'cancelled', 'replaced', 'expired', 'incomplete')
        """,
    ),
    (
        "the acceptances of a device follow from one another",
        """
        SELECT n.id, 'number ' || n.seq || ' does not follow ' || p.seq FROM offline_entry n
        JOIN offline_entry p ON p.device_id = n.device_id AND p.seq = n.seq - 1 AND p.placed = 1
        WHERE n.placed = 1 AND n.prev_hash <> p.entry_hash
        """,
    ),
    (
        "what a device accepted lies within what it was leased",
        """
        SELECT e.device_id, 'accepted ' || SUM(e.value) || ' ' || e.unit || ', leased ' || COALESCE(MAX(l.up_to), 0)
        FROM offline_entry e LEFT JOIN (
            SELECT d.device_id, v.unit, MAX(v.up_to) AS up_to FROM device_lease d
            JOIN device_lease_value v ON v.lease_id = d.id GROUP BY d.device_id, v.unit
        ) l ON l.device_id = e.device_id AND l.unit = e.unit
        WHERE e.status IN ('confirmed', 'conflict')
        GROUP BY e.device_id, e.unit HAVING SUM(e.value) > COALESCE(MAX(l.up_to), 0)
        """,
    ),
    (
        "what a person has yet to settle is kept whole",
        """
        SELECT e.id, e.status || ' without its content' FROM offline_entry e
        LEFT JOIN voucher v ON v.id = e.voucher_id LEFT JOIN person p ON p.id = v.person_id
        WHERE e.status <> 'confirmed' AND e.closed_at IS NULL AND e.content_sealed IS NULL AND p.erased_at IS NULL
        """,
    ),
)
