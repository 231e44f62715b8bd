"""What must hold of codes and articles in stock: the equation of the stock-take, held against the books.

As in `voucher_service.ledger.audit`, the numbers of the accounts are written out on purpose.
"""

from __future__ import annotations

STOCK_RULES = (
    (
        "a lot was received whole, and received = held + in transit + delivered + expired + returned + lost",
        """
        SELECT l.id, 'file says ' || l.quantity || ', received ' || COALESCE(r.received, 0) || ', accounted for '
            || COALESCE(r.held, 0) || ', pieces ' || COALESCE(i.codes, 0)
        FROM lot l LEFT JOIN (
            SELECT (source_id - source_id % 100) / 100 AS book_id,
                SUM(CASE WHEN source_id % 100 = 1 THEN quantity ELSE 0 END)
                - SUM(CASE WHEN destination_id % 100 = 1 THEN quantity ELSE 0 END) AS received,
                SUM(CASE WHEN destination_id % 100 IN (10, 31, 40, 60, 70) THEN quantity ELSE 0 END)
                - SUM(CASE WHEN source_id % 100 IN (10, 31, 40, 60, 70) THEN quantity ELSE 0 END) AS held
            FROM transfer WHERE (source_id - source_id % 100) / 100 IN (SELECT id FROM lot)
            GROUP BY (source_id - source_id % 100) / 100
        ) r ON r.book_id = l.id LEFT JOIN (
            SELECT lot_id, COUNT(*) AS codes FROM (
                SELECT lot_id FROM stock_item UNION ALL SELECT lot_id FROM article
            ) each_piece GROUP BY lot_id
        ) i ON i.lot_id = l.id
        WHERE l.quantity <> COALESCE(r.received, 0) OR l.quantity <> COALESCE(r.held, 0)
           OR l.quantity <> COALESCE(i.codes, 0)
        """,
    ),
    (
        "each code and article of stock lies where the books say",
        """
        SELECT account_id, 'books ' || SUM(booked) || ', pieces ' || SUM(counted) FROM (
            SELECT destination_id AS account_id, quantity AS booked, 0 AS counted FROM transfer
            WHERE (destination_id - destination_id % 100) / 100 IN (SELECT id FROM lot)
            UNION ALL SELECT source_id, -quantity, 0 FROM transfer
            WHERE (source_id - source_id % 100) / 100 IN (SELECT id FROM lot)
            UNION ALL SELECT lot_id * 100 + CASE state WHEN 'in_stock' THEN 10 WHEN 'held' THEN 40
                WHEN 'revealed' THEN 40 WHEN 'returned' THEN 60 ELSE 70 END, 0, 1 FROM stock_item
            UNION ALL SELECT lot_id * 100 + CASE state WHEN 'in_stock' THEN 10 WHEN 'in_transit' THEN 31
                WHEN 'held' THEN 40 WHEN 'given' THEN 40 WHEN 'returned' THEN 60 ELSE 70 END, 0, 1 FROM article
        ) each_side WHERE account_id % 100 <> 1 GROUP BY account_id HAVING SUM(booked) <> SUM(counted)
        """,
    ),
    (
        "what expired, and what was lost and not found, is booked for that reason",
        """
        SELECT l.id, 'expired ' || COALESCE(i.expired, 0) || ' of ' || COALESCE(t.expired, 0) || ' booked, lost '
            || COALESCE(i.lost, 0) || ' of ' || COALESCE(t.lost, 0)
        FROM lot l LEFT JOIN (
            SELECT lot_id, SUM(CASE WHEN state = 'expired' THEN 1 ELSE 0 END) AS expired,
                SUM(CASE WHEN state = 'lost' THEN 1 ELSE 0 END) AS lost FROM (
                SELECT lot_id, state FROM stock_item UNION ALL SELECT lot_id, state FROM article
            ) each_piece GROUP BY lot_id
        ) i ON i.lot_id = l.id LEFT JOIN (
            SELECT book_id, SUM(expired) AS expired, SUM(lost) AS lost FROM (
                SELECT (destination_id - 70) / 100 AS book_id, CASE WHEN reason = 'expired' THEN quantity ELSE 0 END
                    AS expired, CASE WHEN reason <> 'expired' THEN quantity ELSE 0 END AS lost
                FROM transfer WHERE destination_id % 100 = 70
                UNION ALL SELECT (source_id - 70) / 100, 0, -quantity FROM transfer WHERE source_id % 100 = 70
            ) each_way GROUP BY book_id
        ) t ON t.book_id = l.id
        WHERE COALESCE(i.expired, 0) <> COALESCE(t.expired, 0) OR COALESCE(i.lost, 0) <> COALESCE(t.lost, 0)
        """,
    ),
)
"""(rule, query of the rows that break it)."""
