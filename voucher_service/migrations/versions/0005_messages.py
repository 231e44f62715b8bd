"""Messages: an outbox, its parts, receipts, texts, gateways, and who wants none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message_gateway",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("settings_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.String(60), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_message_gateway"),
    )
    op.create_index(
        "uq_message_gateway_active",
        "message_gateway",
        ["channel"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("template", sa.String(30), nullable=False),
        sa.Column("language", sa.String(5), nullable=False),
        sa.Column("voucher_id", sa.Uuid()),
        sa.Column("wrapped_key", sa.LargeBinary()),
        sa.Column("recipient_sealed", sa.LargeBinary()),
        sa.Column("text_sealed", sa.LargeBinary()),
        sa.Column("recipient_lookup", sa.LargeBinary(32)),
        sa.Column("tail", sa.String(2)),
        sa.Column("alphabet", sa.SmallInteger(), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", UtcDateTime()),
        sa.Column("outcome_code", sa.String(60)),
        sa.Column("created_by", sa.String(60), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("final_at", UtcDateTime()),
        sa.CheckConstraint("(due_at IS NOT NULL) = (state IN ('waiting', 'sending'))", name="ck_message_due"),
        sa.CheckConstraint("parts BETWEEN 1 AND 8", name="ck_message_parts"),
        sa.ForeignKeyConstraint(["voucher_id"], ["voucher.id"], name="fk_message_voucher_id"),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
    )
    op.create_index("ix_message_voucher_id", "message", ["voucher_id"])
    op.create_index(
        "ix_message_due_at",
        "message",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "message_part",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_ref", sa.String(80), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name="fk_message_part_message_id"),
        sa.ForeignKeyConstraint(["gateway_id"], ["message_gateway.id"], name="fk_message_part_gateway_id"),
        sa.PrimaryKeyConstraint("message_id", "number", name="pk_message_part"),
        sa.UniqueConstraint("gateway_id", "gateway_ref", name="uq_message_part_gateway_id_gateway_ref"),
    )
    op.create_table(
        "message_receipt",
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_ref", sa.String(80), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("code", sa.String(30), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["gateway_id"], ["message_gateway.id"], name="fk_message_receipt_gateway_id"),
        sa.PrimaryKeyConstraint("gateway_id", "gateway_ref", name="pk_message_receipt"),
    )
    op.create_table(
        "message_template",
        sa.Column("key", sa.String(30), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("language", sa.String(5), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("body", sa.String(600), nullable=False),
        sa.Column("changed_by", sa.String(60), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", "channel", "language", name="pk_message_template"),
    )
    op.create_table(
        "message_opt_out",
        sa.Column("recipient_lookup", sa.LargeBinary(32), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("noted_by", sa.String(60), nullable=False),
        sa.Column("noted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("recipient_lookup", name="pk_message_opt_out"),
    )


def downgrade() -> None:
    for table in (
        "message_opt_out",
        "message_template",
        "message_receipt",
        "message_part",
        "message",
        "message_gateway",
    ):
        op.drop_table(table)
