"""The audit's rules for bookings of breaks: each finds what it is for, and names the row."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text, update

from tests.flows.breaks.conftest import Bench
from tests.flows.reconciliation.builders import VAULT
from tests.flows.reconciliation.test_statements import keep, line
from voucher_service.crypto import Vault
from voucher_service.ledger import audit_files
from voucher_service.ledger.audit_breaks import BREAK_RULES
from voucher_service.reconciliation.intake.files import file_of
from voucher_service.reconciliation.models import Statement
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


def test_a_changed_file_is_found_and_its_statement_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_files, "PORTION", 40)  # the files come in several portions, and a page each
    monkeypatch.setattr(audit_files, "_PAGE", 1)
    bench.make("missing_at_partner")
    with bench.database.begin() as session:
        other = keep(session, bench.world, line("other")).content
        first = session.get_one(Statement, bench.statement_id)
        kept, clear = first.content, file_of(VAULT, first)
    assert len(kept) > audit_files.PORTION

    def found(vault: Vault = VAULT, most: int = 20) -> list[tuple[str, UUID]]:
        with bench.database.read() as session:
            told = audit_files.file_findings(session, vault, most=most)
            return [(rule, UUID(str(row))) for rule, row, _ in told]

    assert found() == []
    assert len(found(Vault(bytes(32)))) == 2  # another master key opens neither
    assert len(found(Vault(bytes(32)), most=1)) == 1
    flipped = [kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :] for at in (0, len(kept) - 17, len(kept) - 1)]
    wrong = [*flipped, kept + b" ", kept[:-1], kept[:40], kept[:10], b"", other, clear[:-1], clear + b" "]
    for content in (*wrong, clear, kept):
        with bench.database.begin() as session:
            if bench.database.is_sqlite:
                session.execute(text("DROP TRIGGER IF EXISTS statement_no_update"))
            else:
                session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(update(Statement).where(Statement.id == bench.statement_id).values(content=content))
        # In clear it is as versions before the sealing kept it.
        assert found() == ([] if content in {clear, kept} else [(audit_files.STATEMENT, bench.statement_id)])
