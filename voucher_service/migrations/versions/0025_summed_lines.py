"""Lines of a statement that sum up the top-ups of a day, and the claims of the orders they stand for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ONCE = "stated_sum: rows are written once"
_CLOSED = (
    "SELECT 1 FROM statement s JOIN period_close p ON p.partner_id = s.partner_id AND p.agreed_at IS NOT NULL "
    "AND p.first_day <= s.last_day AND p.last_day >= s.first_day WHERE s.id IN "
    "(SELECT statement_id FROM intake WHERE number = NEW.line_id / 4294967296)"
)


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    op.create_table(
        "stated_sum",
        sa.Column("line_id", BIG, autoincrement=False, nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("product", sa.String(40), nullable=True),
        sa.Column("from_at", UtcDateTime(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("count >= 1", name=op.f("ck_stated_sum_count")),
        sa.CheckConstraint("until_at > from_at", name=op.f("ck_stated_sum_day")),
        sa.ForeignKeyConstraint(["line_id"], ["stated_line.id"], name=op.f("fk_stated_sum_line_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_stated_sum_partner_id")),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_stated_sum_statement_id")),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_stated_sum")),
    )
    op.create_index(op.f("ix_stated_sum_partner_id"), "stated_sum", ["partner_id"])
    # In place on both databases: the triggers of the table stay as they are.
    op.execute(
        f"ALTER TABLE line_claim ADD COLUMN summed_by {'INTEGER' if _sqlite() else 'BIGINT'} "
        "CONSTRAINT ck_line_claim_summed CHECK ((summed_by IS NULL) = (matched_by <> 'sum'))"
    )
    op.execute("CREATE INDEX ix_line_claim_summed_by ON line_claim (summed_by) WHERE summed_by IS NOT NULL")
    if _sqlite():
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER stated_sum_no_{verb.lower()} BEFORE {verb} ON stated_sum "
                f"BEGIN SELECT RAISE(ABORT, '{_ONCE}'); END"
            )
        op.execute(
            f"CREATE TRIGGER closed_stated_sum_insert BEFORE INSERT ON stated_sum WHEN EXISTS ({_CLOSED}) "
            "BEGIN SELECT RAISE(ABORT, 'the period is closed'); END"
        )
        return
    for name, verbs, scope in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER stated_sum_no_{name} BEFORE {verbs} ON stated_sum "
            f"FOR EACH {scope} EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER closed_stated_sum_insert AFTER INSERT ON stated_sum REFERENCING NEW TABLE AS touched "
        "FOR EACH STATEMENT EXECUTE FUNCTION closed_claims()"
    )


def downgrade() -> None:
    # What a line summed up cannot be told without it: the orders are free again, and differ until matched anew.
    op.execute("DELETE FROM line_claim WHERE summed_by IS NOT NULL")
    op.execute("DROP INDEX ix_line_claim_summed_by")
    op.execute("ALTER TABLE line_claim DROP COLUMN summed_by")
    op.drop_table("stated_sum")
