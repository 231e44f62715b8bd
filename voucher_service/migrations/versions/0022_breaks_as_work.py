"""Breaks as work: an owner, every step written once, and the bookings that close them.

What was explained in words until now stays explained: each becomes a settlement `noted`, as it was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_BREAK = "reconciliation_break"
_MESSAGE = "the period is closed"
# A code that nobody has used yet is no disagreement: it may still close after its month has.
_PATIENT = "code_revealed_never_used"
_BY_STATEMENT = (
    "SELECT 1 FROM statement s JOIN period_close p ON p.partner_id = s.partner_id AND p.agreed_at IS NOT NULL "
    "AND p.first_day <= s.last_day AND p.last_day >= s.first_day WHERE s.id = {row}.statement_id"
)
_BY_INSTANT = (
    "SELECT 1 FROM period_close p WHERE p.partner_id = {row}.partner_id AND p.agreed_at IS NOT NULL "
    "AND {row}.statement_id IS NULL AND {row}.found_at >= p.from_at AND {row}.found_at < p.until_at"
)
_COVERED = f"(EXISTS ({_BY_STATEMENT}) OR EXISTS ({_BY_INSTANT}))"
_CHECKS = {
    "statement": "line_id IS NULL OR statement_id IS NOT NULL",
    "resolved": "(resolved_at IS NULL) = (resolved_by IS NULL)",
    "closed_by": "resolved_by IS NULL OR resolved_by = 'system' OR resolved_by LIKE 'settlement:%'",
}
_FROZEN = (
    "id", "break_id", "way", "kind", "quantity", "unit", "allocation_id", "note", "needs_second_person",
    "proposed_by", "proposed_at", "undoes_id",
)  # fmt: skip


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    _unguard()
    with op.batch_alter_table(_BREAK) as batch:
        batch.alter_column("statement_id", existing_type=sa.Uuid(), nullable=True)
    _tables()
    _carry_over()
    with op.batch_alter_table(_BREAK) as batch:
        for name, rule in _CHECKS.items():
            batch.create_check_constraint(op.f(f"ck_{_BREAK}_{name}"), rule)
    _guard()
    _write_once()


def _tables() -> None:
    op.create_table(
        "break_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(12), nullable=False),
        sa.Column("side", sa.String(10), nullable=False),
        sa.Column("actor", sa.String(60), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("words", sa.String(1000), nullable=True),
        sa.Column("was", sa.String(60), nullable=True),
        sa.Column("became", sa.String(60), nullable=True),
        sa.CheckConstraint("step <> 'note' OR length(words) >= 3", name=op.f("ck_break_event_note")),
        sa.ForeignKeyConstraint(["break_id"], ["reconciliation_break.id"], name=op.f("fk_break_event_break_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_event")),
    )
    op.create_index(op.f("ix_break_event_break_id"), "break_event", ["break_id"])
    op.create_table(
        "break_owner",
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(60), nullable=False),
        sa.ForeignKeyConstraint(["break_id"], ["reconciliation_break.id"], name=op.f("fk_break_owner_break_id")),
        sa.PrimaryKeyConstraint("break_id", name=op.f("pk_break_owner")),
    )
    op.create_table(
        "comparison",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("found_new", sa.BigInteger(), nullable=False),
        sa.Column("found_again", sa.BigInteger(), nullable=False),
        sa.Column("found_gone", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_comparison_statement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison")),
    )
    op.create_index(op.f("ix_comparison_statement_id"), "comparison", ["statement_id"])
    _settlement()


def _settlement() -> None:
    op.create_table(
        "break_settlement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("way", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("allocation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("note", sa.String(400), nullable=False),
        sa.Column("needs_second_person", sa.SmallInteger(), nullable=False),
        sa.Column("proposed_by", sa.String(60), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("agreed", sa.SmallInteger(), nullable=True),
        sa.Column("decided_by", sa.String(60), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("transfer_id", sa.Uuid(), nullable=True),
        sa.Column("undoes_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("length(note) >= 3", name=op.f("ck_break_settlement_note")),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)",
            name=op.f("ck_break_settlement_decided"),
        ),
        sa.CheckConstraint(
            "agreed IS NULL OR agreed = 0 OR needs_second_person = 0 OR decided_by <> proposed_by",
            name=op.f("ck_break_settlement_two_people"),
        ),
        sa.CheckConstraint(
            "agreed IS NULL OR agreed = 0 OR transfer_id IS NOT NULL OR way = 'noted' "
            "OR (way = 'no_value' AND quantity = 0 AND needs_second_person = 1)",
            name=op.f("ck_break_settlement_booked"),
        ),
        sa.CheckConstraint("(way = 'undo') = (undoes_id IS NOT NULL)", name=op.f("ck_break_settlement_undoes")),
        sa.ForeignKeyConstraint(["break_id"], ["reconciliation_break.id"], name=op.f("fk_break_settlement_break_id")),
        sa.ForeignKeyConstraint(["allocation_id"], ["allocation.id"], name=op.f("fk_break_settlement_allocation_id")),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfer.id"], name=op.f("fk_break_settlement_transfer_id")),
        sa.ForeignKeyConstraint(["undoes_id"], ["break_settlement.id"], name=op.f("fk_break_settlement_undoes_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_settlement")),
    )
    op.create_index("ix_break_settlement_break_id", "break_settlement", ["break_id"])
    for name, column, where in (("open", "break_id", "decided_at IS NULL"), ("undoes", "undoes_id", "agreed = 1")):
        op.create_index(
            f"uq_break_settlement_{name}", "break_settlement", [column], unique=True,
            sqlite_where=sa.text(where), postgresql_where=sa.text(where),
        )  # fmt: skip


def _carry_over() -> None:
    """Make a settlement of each explanation that a person gave; half-written rows of old tests are made whole."""
    op.execute(
        "INSERT INTO break_settlement (id, break_id, way, kind, quantity, unit, note, needs_second_person, "
        "proposed_by, proposed_at, agreed, decided_by, decided_at) SELECT id, id, 'noted', kind, quantity, unit, "
        "COALESCE(note, 'sans note'), 0, resolved_by, resolved_at, 1, resolved_by, resolved_at "
        f"FROM {_BREAK} WHERE resolved_at IS NOT NULL AND resolved_by <> 'system'"
    )
    # SQLite holds an id as 32 digits, PostgreSQL spells it with dashes.
    parts = " || '-' || ".join(f"substr(id, {first}, {many})" for first, many in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12)))
    written = parts if _sqlite() else "CAST(id AS VARCHAR(36))"
    op.execute(
        f"UPDATE {_BREAK} SET resolved_by = 'settlement:' || {written} "
        "WHERE resolved_at IS NOT NULL AND resolved_by <> 'system'"
    )


def _guard() -> None:
    if _sqlite():
        for verb in ("INSERT", "UPDATE", "DELETE"):
            rows = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}[verb]
            when = " OR ".join(_COVERED.format(row=row) for row in rows)
            if verb == "UPDATE":
                when = f"(OLD.kind <> '{_PATIENT}' OR NEW.kind <> '{_PATIENT}') AND ({when})"
            op.execute(
                f"CREATE TRIGGER closed_{_BREAK}_{verb.lower()} BEFORE {verb} ON {_BREAK} WHEN {when} "
                f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
            )
        return
    covered = _COVERED.format(row="t")
    for name, patient in (("closed_breaks", ""), ("closed_breaks_but_patient", f"t.kind <> '{_PATIENT}' AND ")):
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF EXISTS (SELECT 1 FROM touched t WHERE {patient}{covered}) THEN RAISE EXCEPTION '{_MESSAGE}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NULL; END $$"
        )
    for name, verb, kept, function in (
        ("insert", "INSERT", "NEW", "closed_breaks"),
        ("delete", "DELETE", "OLD", "closed_breaks"),
        ("update", "UPDATE", "OLD", "closed_breaks_but_patient"),
        ("into", "UPDATE", "NEW", "closed_breaks_but_patient"),
    ):
        op.execute(
            f"CREATE TRIGGER closed_{_BREAK}_{name} AFTER {verb} ON {_BREAK} REFERENCING {kept} TABLE AS touched "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )


def _unguard() -> None:
    names = ("insert", "update", "delete") if _sqlite() else ("insert", "update", "delete", "into")
    for name in names:
        op.execute(f"DROP TRIGGER closed_{_BREAK}_{name}" + ("" if _sqlite() else f" ON {_BREAK}"))


def _write_once() -> None:
    """Events never change; of a settlement only the decision is written, once."""
    if _sqlite():
        for table in ("break_event", "comparison"):
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table}: rows are written once'); END"
                )
        changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _FROZEN)
        for verb, when in (("UPDATE", f"WHEN OLD.decided_at IS NOT NULL OR {changed} "), ("DELETE", "")):
            op.execute(
                f"CREATE TRIGGER break_settlement_no_{verb.lower()} BEFORE {verb} ON break_settlement {when}"
                "BEGIN SELECT RAISE(ABORT, 'break_settlement: rows are written once'); END"
            )
        return
    for table in ("break_event", "comparison"):
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in _FROZEN)
    op.execute(
        "CREATE TRIGGER break_settlement_no_update BEFORE UPDATE ON break_settlement FOR EACH ROW "
        f"WHEN (OLD.decided_at IS NOT NULL OR {changed}) EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER break_settlement_no_delete BEFORE DELETE ON break_settlement "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    _unguard()
    if not _sqlite():
        for name in ("closed_breaks", "closed_breaks_but_patient"):
            op.execute(f"DROP FUNCTION {name}()")
    for table in ("break_settlement", "comparison", "break_owner", "break_event"):
        op.drop_table(table)
    # Known from no statement: the former form cannot hold them.
    op.execute(f"DELETE FROM {_BREAK} WHERE statement_id IS NULL")
    with op.batch_alter_table(_BREAK) as batch:
        for name in _CHECKS:
            batch.drop_constraint(op.f(f"ck_{_BREAK}_{name}"), type_="check")
        batch.alter_column("statement_id", existing_type=sa.Uuid(), nullable=False)
    _guard_as_before()


def _guard_as_before() -> None:
    """The guards of step 11, by the statement alone."""
    if _sqlite():
        for verb in ("INSERT", "UPDATE", "DELETE"):
            rows = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}[verb]
            when = " OR ".join(f"EXISTS ({_BY_STATEMENT.format(row=row)})" for row in rows)
            op.execute(
                f"CREATE TRIGGER closed_{_BREAK}_{verb.lower()} BEFORE {verb} ON {_BREAK} WHEN {when} "
                f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
            )
        return
    for name, verb, kept in (("insert", "INSERT", "NEW"), ("update", "UPDATE", "OLD"), ("delete", "DELETE", "OLD"),
                             ("into", "UPDATE", "NEW")):  # fmt: skip
        op.execute(
            f"CREATE TRIGGER closed_{_BREAK}_{name} AFTER {verb} ON {_BREAK} REFERENCING {kept} TABLE AS touched "
            "FOR EACH STATEMENT EXECUTE FUNCTION closed_rows()"
        )
