"""Changes of the key that signs the manifests of months, written once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import voucher_service.db

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

TABLE = "statement_key_change"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("changed_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number >= 1 AND size >= 0", name=op.f("ck_statement_key_change_place")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_statement_key_change")),
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
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table(TABLE)
