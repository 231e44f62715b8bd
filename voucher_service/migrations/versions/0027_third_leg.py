"""What partners declare to be left of gifts, their tolerances, gaps as differences; evidence that is never emptied."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BREAK = "reconciliation_break"
_SIDE = "line_id IS NOT NULL OR order_id IS NOT NULL"
_ABOUT = "kind IN ('balance_differs', 'statement_missing')"
_NEW = ("declared_balance", "tolerance", "break_subject")
_EMPTIABLE = ("break_event", "break_settlement", "comparison", "order_closing", "connection_change")
_CLOSED = (
    "SELECT 1 FROM period_close p WHERE p.partner_id = NEW.partner_id AND p.agreed_at IS NOT NULL "
    "AND p.first_day <= NEW.as_of AND p.last_day >= NEW.as_of"
)
_MESSAGE = "the period is closed"


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    _tables()
    _sides(_SIDE, f"{_SIDE} OR {_ABOUT}")
    _written_once()
    if not _sqlite():
        for table in _EMPTIABLE:
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()"
            )


def _tables() -> None:
    figures = ("opening", "granted", "delivered", "reversed", "expired", "returned")
    op.create_table(
        "declared_balance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("allocation_id", BIG, nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("closing", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in figures),
        sa.Column("reason", sa.String(400), nullable=True),
        sa.Column("statement_id", sa.Uuid(), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("declared_by", sa.String(60), nullable=False),
        sa.Column("declared_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("edition >= 1", name=op.f("ck_declared_balance_edition")),
        sa.CheckConstraint(
            "edition = 1 OR statement_id IS NOT NULL OR COALESCE(length(reason), 0) >= 3", name=op.f("ck_declared_balance_reason")
        ),
        sa.CheckConstraint("(statement_id IS NULL) = (line IS NULL)", name=op.f("ck_declared_balance_line")),
        sa.CheckConstraint(
            " AND ".join(f"COALESCE({name}, 0) >= 0" for name in figures[1:]), name=op.f("ck_declared_balance_movements")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{column[:-3]}.id"], name=op.f(f"fk_declared_balance_{column}"))
            for column in ("partner_id", "allocation_id", "statement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declared_balance")),
        sa.UniqueConstraint(
            "allocation_id", "as_of", "edition", name=op.f("uq_declared_balance_allocation_id_as_of_edition")
        ),
    )
    for column in ("partner_id", "statement_id"):
        op.create_index(op.f(f"ix_declared_balance_{column}"), "declared_balance", [column])
    op.create_table(
        "tolerance",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("each", sa.BigInteger(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.String(60), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("each >= 0 AND most >= each", name=op.f("ck_tolerance_range")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_tolerance_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "unit", "effective_from", name=op.f("pk_tolerance")),
    )
    op.create_table(
        "break_subject",
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("balance_id", sa.Uuid(), nullable=True),
        sa.Column("gap_before", sa.Integer(), nullable=True),
        sa.CheckConstraint("(balance_id IS NULL) <> (gap_before IS NULL)", name=op.f("ck_break_subject_one")),
        sa.ForeignKeyConstraint(["break_id"], [f"{_BREAK}.id"], name=op.f("fk_break_subject_break_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_break_subject_partner_id")),
        sa.ForeignKeyConstraint(["balance_id"], ["declared_balance.id"], name=op.f("fk_break_subject_balance_id")),
        sa.PrimaryKeyConstraint("break_id", name=op.f("pk_break_subject")),
        sa.UniqueConstraint("balance_id", name=op.f("uq_break_subject_balance_id")),
        sa.UniqueConstraint("partner_id", "gap_before", name=op.f("uq_break_subject_partner_id_gap_before")),
    )


def _sides(before: str, after: str) -> None:
    """Change the check of what a break belongs to."""
    name = f"ck_{_BREAK}_side"
    if not _sqlite():
        op.execute(f"ALTER TABLE {_BREAK} DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE {_BREAK} ADD CONSTRAINT {name} CHECK ({after})")
        return
    # Other tables refer to this one, so it cannot be made anew; a check is changed in its text, which SQLite's page on
    # ALTER TABLE gives as the way for checks. The tables made in this step bump the schema's version.
    connection = op.get_bind()
    table = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
    said = connection.execute(table, {"name": _BREAK}).scalar_one()
    old, new = f"CONSTRAINT {name} CHECK ({before})", f"CONSTRAINT {name} CHECK ({after})"
    assert said.count(old) == 1, "the check stands as it was made"
    op.execute("PRAGMA writable_schema = ON")
    connection.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"),
        {"sql": said.replace(old, new), "name": _BREAK},
    )
    op.execute("PRAGMA writable_schema = RESET")  # reads the schema again, and switches it off


def _written_once() -> None:
    for table in _NEW:
        if _sqlite():
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table}: rows are written once'); END"
                )
            continue
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()"
        )
    if _sqlite():
        op.execute(
            f"CREATE TRIGGER closed_declared_balance_insert BEFORE INSERT ON declared_balance WHEN EXISTS ({_CLOSED}) "
            f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION closed_balance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF EXISTS ({_CLOSED}) THEN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; "
        "END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER closed_declared_balance_insert BEFORE INSERT ON declared_balance "
        "FOR EACH ROW EXECUTE FUNCTION closed_balance()"
    )


def downgrade() -> None:
    if not _sqlite():
        for table in _EMPTIABLE:
            op.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
    op.drop_table("break_subject")
    _forget_breaks()
    for table in ("tolerance", "declared_balance"):
        op.drop_table(table)
    if not _sqlite():
        op.execute("DROP FUNCTION closed_balance()")
    _sides(f"{_SIDE} OR {_ABOUT}", _SIDE)


def _forget_breaks() -> None:
    """Remove the differences that the former form has no place for, with all that was written about them."""
    children = ("break_event", "break_owner", "break_settlement")
    ours = f"SELECT id FROM {_BREAK} WHERE {_ABOUT}"
    gone = [*(f"DELETE FROM {table} WHERE break_id IN ({ours})" for table in children), f"DELETE FROM {_BREAK} WHERE {_ABOUT}"]
    if not _sqlite():
        for table in (*children, _BREAK):
            op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for one in gone:
            op.execute(one)
        for table in (*children, _BREAK):
            op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    guards = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN :tables")
    tables = {"tables": [*children, _BREAK]}
    found = op.get_bind().execute(guards.bindparams(sa.bindparam("tables", expanding=True)), tables).all()
    for name, _ in found:
        op.execute(f"DROP TRIGGER {name}")
    for one in gone:
        op.execute(one)
    for _, said in found:
        op.get_bind().exec_driver_sql(said)
