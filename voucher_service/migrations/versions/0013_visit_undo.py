"""Redemptions taken back at the counter: who, when, why, and what gave the price back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import voucher_service.db

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visit_undo",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("undone_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint("length(reason) >= 3", name=op.f("ck_visit_undo_reason")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_undo_visit_id")),
        sa.ForeignKeyConstraint(["order_id"], ["top_up_order.id"], name=op.f("fk_visit_undo_order_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["transfer.id"], name=op.f("fk_visit_undo_refund_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_visit_undo_staff_id")),
        sa.PrimaryKeyConstraint("visit_id", name=op.f("pk_visit_undo")),
        sa.UniqueConstraint("order_id", name=op.f("uq_visit_undo_order_id")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_visit_undo_refund_id")),
    )


def downgrade() -> None:
    op.drop_table("visit_undo")
