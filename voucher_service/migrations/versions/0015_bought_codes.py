"""Codes bought from a partner for one order, and addresses for callbacks that can be changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bought_code",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.String(80), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("bought_at", UtcDateTime(), nullable=False),
        sa.Column("revealed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["top_up_order.id"], name="fk_bought_code_order_id"),
        sa.PrimaryKeyConstraint("order_id", name="pk_bought_code"),
    )
    op.create_table(
        "bought_look",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(60), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("shown_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("number = 1 OR length(reason) >= 3", name="ck_bought_look_reason"),
        sa.ForeignKeyConstraint(["order_id"], ["bought_code.order_id"], name="fk_bought_look_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bought_look"),
        sa.UniqueConstraint("order_id", "number", name="uq_bought_look_order_id_number"),
    )
    op.create_table(
        "callback_turn",
        sa.Column("route", sa.String(40), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("turned_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("turn > 0", name="ck_callback_turn_turn"),
        sa.PrimaryKeyConstraint("route", name="pk_callback_turn"),
    )


def downgrade() -> None:
    op.drop_table("callback_turn")
    op.drop_table("bought_look")
    op.drop_table("bought_code")
