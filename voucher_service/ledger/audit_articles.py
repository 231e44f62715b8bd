"""What must hold of articles: where they lie, who has them, and what parcels and stock-takes have booked.

As in `voucher_service.ledger.audit`, this is SQL of its own. A stock-take that moves something to the branch where
it was seen writes a parcel with its `count_id`: nothing travelled, so nothing is booked for it.
"""

from __future__ import annotations

_OBJECT = "REPLACE({table}.object_id, '-', '') = REPLACE(CAST({row} AS VARCHAR(40)), '-', '')"

ARTICLE_RULES = (
    (
        "an article lies at the branch that its lot came to, or that its last journey led to",
        """
        SELECT a.id, 'at branch ' || a.branch_id || ', came to ' || COALESCE(p.to_branch_id, l.branch_id)
        FROM article a LEFT JOIN article_lot l ON l.lot_id = a.lot_id
        LEFT JOIN (
            SELECT article_id, MAX(number) AS number FROM parcel_article WHERE arrived = 1 GROUP BY article_id
        ) last ON last.article_id = a.id
        LEFT JOIN parcel_article j ON j.article_id = a.id AND j.number = last.number
        LEFT JOIN parcel p ON p.id = j.parcel_id
        WHERE l.lot_id IS NULL OR l.kind <> a.kind OR a.branch_id <> COALESCE(p.to_branch_id, l.branch_id)
        """,
    ),
    (
        "what is in transit is in one parcel under way, from where it left",
        """
        SELECT a.id, a.state || ', parcels under way ' || COUNT(p.id) FROM article a
        LEFT JOIN parcel_article j ON j.article_id = a.id AND j.arrived IS NULL
        LEFT JOIN parcel p ON p.id = j.parcel_id AND p.state = 'sent' AND p.from_branch_id = a.branch_id
        GROUP BY a.id, a.state
        HAVING COUNT(j.parcel_id) <> COUNT(p.id) OR COUNT(p.id) <> CASE a.state WHEN 'in_transit' THEN 1 ELSE 0 END
        """,
    ),
    (
        "an article set aside or given is that of its order, at the order's branch",
        """
        SELECT a.id, a.state || ', order ' || COALESCE(o.state, 'missing') || ' of ' || COALESCE(o.partner_ref, 'none')
        FROM article a LEFT JOIN top_up_order o ON o.id = a.order_id
        WHERE a.state IN ('held', 'given') AND (o.id IS NULL OR o.partner_ref IS NULL OR o.partner_ref <> a.serial
            OR o.branch_id <> a.branch_id OR (a.state = 'held') <> (o.state = 'held'))
        """,
    ),
    (
        "a parcel has booked what it holds: sent, then arrived or lost; received by another person",
        f"""
        SELECT p.id, p.state || ', holds ' || h.many || ', sent ' || COALESCE(b.sent, 0) || ', arrived '
            || COALESCE(b.arrived, 0) || ', lost ' || COALESCE(b.lost, 0)
        FROM parcel p JOIN (
            SELECT parcel_id, COUNT(*) AS many, SUM(CASE WHEN arrived = 1 THEN 1 ELSE 0 END) AS arrived
            FROM parcel_article GROUP BY parcel_id
        ) h ON h.parcel_id = p.id LEFT JOIN (
            SELECT object_id, SUM(CASE WHEN reason = 'sent' THEN quantity ELSE 0 END) AS sent,
                SUM(CASE WHEN reason = 'arrived' THEN quantity ELSE 0 END) AS arrived,
                SUM(CASE WHEN reason = 'written_off' THEN quantity ELSE 0 END) AS lost
            FROM transfer WHERE object_kind = 'parcel' GROUP BY object_id
        ) b ON {_OBJECT.format(table="b", row="p.id")}
        WHERE (p.state = 'received' AND p.ended_by = p.sent_by)
           OR (p.count_id IS NULL AND COALESCE(b.sent, 0) <> h.many)
           OR (p.count_id IS NOT NULL AND b.object_id IS NOT NULL)
           OR (p.state = 'sent' AND COALESCE(b.arrived, 0) + COALESCE(b.lost, 0) <> 0)
           OR (p.state = 'received' AND p.count_id IS NULL
               AND (COALESCE(b.arrived, 0) <> h.arrived OR COALESCE(b.lost, 0) <> h.many - h.arrived))
           OR (p.state = 'recalled' AND (COALESCE(b.arrived, 0) <> h.many OR h.arrived <> 0))
        """,  # noqa: S608  # the condition is the constant above
    ),
    (
        "a stock-take has booked what it found missing or found back, signed by two people",
        f"""
        SELECT c.id, c.state || ', missing ' || COALESCE(f.missing, 0) || ' of ' || COALESCE(b.lost, 0)
            || ' booked, found ' || COALESCE(f.found, 0) || ' of ' || COALESCE(b.back, 0)
        FROM stock_count c LEFT JOIN (
            SELECT count_id, SUM(CASE WHEN finding = 'missing' THEN 1 ELSE 0 END) AS missing,
                SUM(CASE WHEN finding = 'found' THEN 1 ELSE 0 END) AS found,
                SUM(CASE WHEN finding IS NULL THEN 1 ELSE 0 END) AS undecided
            FROM count_line GROUP BY count_id
        ) f ON f.count_id = c.id LEFT JOIN (
            SELECT object_id, SUM(CASE WHEN reason = 'written_off' THEN quantity ELSE 0 END) AS lost,
                SUM(CASE WHEN reason = 'found' THEN quantity ELSE 0 END) AS back
            FROM transfer WHERE object_kind = 'count' GROUP BY object_id
        ) b ON {_OBJECT.format(table="b", row="c.id")}
        WHERE COALESCE(f.missing, 0) <> COALESCE(b.lost, 0) OR COALESCE(f.found, 0) <> COALESCE(b.back, 0)
           OR (c.state = 'closed' AND (COALESCE(f.undecided, 0) <> 0 OR c.closed_by = c.submitted_by))
        """,  # noqa: S608  # the condition is the constant above
    ),
)
"""(rule, query of the rows that break it)."""
