"""Beside the lines of statements: telephone numbers as keyed hashes, by which orders are found, and costs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ONCE = "stated_cost: rows are written once"
_CLOSED = (
    "SELECT 1 FROM statement s JOIN period_close p ON p.partner_id = s.partner_id AND p.agreed_at IS NOT NULL "
    "AND p.first_day <= s.last_day AND p.last_day >= s.first_day WHERE s.id IN "
    "(SELECT statement_id FROM intake WHERE number = NEW.line_id / 4294967296)"
)


def upgrade() -> None:
    _numbers()
    op.create_table(
        "stated_cost",
        sa.Column("line_id", BIG, autoincrement=False, nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("cost >= 0", name=op.f("ck_stated_cost_cost")),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_stated_cost")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER stated_cost_no_{verb.lower()} BEFORE {verb} ON stated_cost "
                f"BEGIN SELECT RAISE(ABORT, '{_ONCE}'); END"
            )
        op.execute(
            f"CREATE TRIGGER closed_stated_cost_insert BEFORE INSERT ON stated_cost WHEN EXISTS ({_CLOSED}) "
            "BEGIN SELECT RAISE(ABORT, 'the period is closed'); END"
        )
        return
    for name, verbs, scope in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER stated_cost_no_{name} BEFORE {verbs} ON stated_cost "
            f"FOR EACH {scope} EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER closed_stated_cost_insert AFTER INSERT ON stated_cost REFERENCING NEW TABLE AS touched "
        "FOR EACH STATEMENT EXECUTE FUNCTION closed_claims()"
    )


def _numbers() -> None:
    # No foreign key and no trigger: a number is forgotten before its line is.
    op.create_table(
        "stated_number",
        sa.Column("line_id", BIG, autoincrement=False, nullable=False),
        sa.Column("lookup", sa.LargeBinary(32), nullable=True),
        sa.Column("tail", sa.String(2), nullable=False),
        sa.CheckConstraint("length(tail) = 2", name=op.f("ck_stated_number_tail")),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_stated_number")),
    )
    op.execute("CREATE INDEX ix_stated_number_lookup ON stated_number (lookup) WHERE lookup IS NOT NULL")
    # Partial: a redemption, whose order is not final yet, pays nothing for it.
    op.execute(
        "CREATE INDEX ix_top_up_order_number ON top_up_order (number_lookup) "
        "WHERE final_at IS NOT NULL AND number_lookup IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_table("stated_cost")
    op.execute("DROP INDEX ix_top_up_order_number")
    op.drop_table("stated_number")
