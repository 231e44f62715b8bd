"""Millions of live vouchers for the benchmarks, written by the database itself, every row as issuing writes it.

Voucher number n has serial n and random part n, so that a client that knows n can present it.
"""

from __future__ import annotations

from sqlalchemy import text

from tests.programme import Programme

_ID = "(:kind || '000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"

_RESERVATIONS = f"""
INSERT INTO transfer (id, key, request_hash, unit, quantity, source_id, destination_id, reason, object_kind,
                      object_id, actor, occurred_at, recorded_at)
SELECT {_ID.replace(":kind", "'01'")}, 'issue:' || n, sha256(int8send(n)), 'eur_cent', 500, :book * 100 + 10,
       :book * 100 + 20, 'issued', 'voucher', n, 'staff:bench', now(), now()
FROM generate_series(cast(:first AS bigint), :last) n
"""  # noqa: S608  # no input: the kind is a constant of this file

_VOUCHERS = f"""
INSERT INTO voucher (id, organisation, key_id, serial, nonce, typed_lookup, campaign_id, offer_id, offer_code,
                     allocation_id, unit, quantity, face_value_cents, price_cents, last_day, state,
                     reservation_id, issued_by, issued_at)
SELECT {_ID.replace(":kind", "'02'")}, 1, 1, n, n, sha256(int8send(n)), :campaign, :offer, 11, :book,
       'eur_cent', 500, 500, 200, date '2030-01-01', 'issued', {_ID.replace(":kind", "'01'")}, 'staff:bench', now()
FROM generate_series(cast(:first AS bigint), :last) n
"""  # noqa: S608

_FLOOR = """
UPDATE floor_balance SET balance = balance - 500 * cast(:count AS bigint), counted = counted + :count
WHERE account_id = :book * 100 + 10
"""


def add_vouchers(programme: Programme, first: int, last: int) -> None:
    """Add vouchers number `first` to `last` (code-stock offer, 5 euros) to the programme's one gift."""
    with programme.database.begin() as session:
        given = {
            "book": programme.allocation_id,
            "first": first,
            "last": last,
            "campaign": programme.campaign_id,
            "offer": programme.code_id,
            "count": last - first + 1,
        }
        for statement in (_RESERVATIONS, _VOUCHERS, _FLOOR):
            session.execute(text(statement), given)
    with programme.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
