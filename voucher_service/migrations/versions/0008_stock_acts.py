"""Codes that leave stock other than to a person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stock_act",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("needs_second_person", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(60), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(60)),
        sa.Column("decided_at", UtcDateTime()),
        sa.CheckConstraint("quantity > 0", name="ck_stock_act_positive"),
        sa.CheckConstraint("length(reason) >= 3", name="ck_stock_act_reason"),
        sa.CheckConstraint(
            "decided_by IS NULL OR state <> 'done' OR decided_by <> created_by", name="ck_stock_act_two_people"
        ),
        sa.CheckConstraint(
            "state <> 'done' OR needs_second_person = 0 OR decided_by IS NOT NULL", name="ck_stock_act_approved"
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name="fk_stock_act_lot_id"),
        sa.PrimaryKeyConstraint("id", name="pk_stock_act"),
    )
    op.create_index("ix_stock_act_lot_id", "stock_act", ["lot_id"])


def downgrade() -> None:
    op.drop_table("stock_act")
