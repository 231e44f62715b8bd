"""The audit's rules for bookings of breaks: each finds what it is for, and names the row."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.flows.breaks.conftest import Bench
from voucher_service.ledger.audit_breaks import BREAK_RULES
from voucher_service.reconciliation.work.models import Way

CLOSED, BOOKED = (rule for rule, _sql in BREAK_RULES[:2])  # the third: test_pair
# What the database's owner types once every guard is off, and the rule that notices.
FAULTS = [
    (CLOSED, "UPDATE break_settlement SET quantity = quantity + 1"),
    (CLOSED, "UPDATE break_settlement SET decided_by = proposed_by"),
    (CLOSED, "UPDATE break_settlement SET agreed = 0"),
    (CLOSED, "UPDATE reconciliation_break SET resolved_by = 'settlement:x' WHERE resolved_by LIKE 'settlement:%'"),
    (BOOKED, "UPDATE break_settlement SET transfer_id = NULL"),
    (BOOKED, "DELETE FROM break_settlement"),
]


@pytest.mark.parametrize(("rule", "sql"), FAULTS)
def test_what_was_tampered_with_is_found(bench: Bench, rule: str, sql: str) -> None:
    bench.agree(bench.make("delivered_here_refused_there").propose(Way.THEIRS))
    assert bench.faults() == []
    with bench.database.begin() as session:
        if bench.database.is_sqlite:
            for name in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                session.execute(text(f"DROP TRIGGER {name}"))
            session.execute(text("PRAGMA ignore_check_constraints = ON"))
        else:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            for name in ("two_people", "booked"):
                session.execute(text(f"ALTER TABLE break_settlement DROP CONSTRAINT ck_break_settlement_{name}"))
        session.execute(text(sql))
    assert rule in bench.faults()
