"""How long a delivery that no line carries is waited for in later statements: dated, of each partner, written once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

TABLE = "grace_period"
# Where the class of a difference is written, and what goes with it.
_NAMED = (
    ("reconciliation_break", "kind", ", priority = 2"),
    ("break_event", "was", ""),
    ("break_event", "became", ""),
    ("break_settlement", "kind", ""),
)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("days", sa.SmallInteger(), nullable=False),
        sa.Column("most_days", sa.SmallInteger(), nullable=False),
        sa.Column("set_by", sa.String(60), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "days BETWEEN 0 AND 31 AND most_days BETWEEN days AND 92", name=op.f("ck_grace_period_range")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_grace_period_partner_id")),
        sa.PrimaryKeyConstraint("partner_id", "effective_from", name=op.f("pk_grace_period")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
                f"BEGIN SELECT RAISE(ABORT, '{TABLE}: rows are written once'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()"
    )


def downgrade() -> None:
    _missing_again()
    op.drop_table(TABLE)


def _missing_again() -> None:
    """Name what was awaited as it was named before, also where it was settled and its month is closed since."""
    for table, column, more in _NAMED:
        renamed = f"UPDATE {table} SET {column} = 'missing_at_partner'{more} WHERE {column} = 'awaited_at_partner'"
        if op.get_bind().dialect.name != "sqlite":
            op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            op.execute(renamed)
            op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            continue
        guards = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
        found = op.get_bind().execute(guards, {"table": table}).all()
        for name, _ in found:
            op.execute(f"DROP TRIGGER {name}")
        op.execute(renamed)
        for _, said in found:
            op.get_bind().exec_driver_sql(said)
