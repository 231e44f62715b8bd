"""The sealed log: leaves, the tree's inner hashes, signed checkpoints; all written once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import voucher_service.db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WRITTEN_ONCE = ("ledger_leaf", "ledger_node", "ledger_checkpoint")


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "ledger_leaf",
        sa.Column("number", number, autoincrement=False, nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("number >= 0", name=op.f("ck_ledger_leaf_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_leaf")),
        sa.UniqueConstraint("transfer_id", name=op.f("uq_ledger_leaf_transfer_id")),
    )
    op.create_table(
        "ledger_node",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("level >= 1 AND number >= 0", name=op.f("ck_ledger_node_place")),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_ledger_node")),
    )
    op.create_table(
        "ledger_checkpoint",
        sa.Column("size", number, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("sealed_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size >= 1", name=op.f("ck_ledger_checkpoint_size")),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_ledger_checkpoint")),
    )
    for table in WRITTEN_ONCE:
        if op.get_bind().dialect.name == "sqlite":
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
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in reversed(WRITTEN_ONCE):
        op.drop_table(table)
