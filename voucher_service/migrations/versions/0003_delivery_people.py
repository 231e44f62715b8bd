"""Delivery: pauses of a route, closings by two people, callbacks of partners, what is left of our accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "route_pause",
        sa.Column("route", sa.String(40), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("route", name="pk_route_pause"),
    )
    op.create_table(
        "order_closing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("ending", sa.String(12), nullable=False),
        sa.Column("note", sa.String(400), nullable=False),
        sa.Column("proposed_by", sa.String(60), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("agreed", sa.SmallInteger(), nullable=True),
        sa.Column("decided_by", sa.String(60), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("length(note) >= 3", name="ck_order_closing_note"),
        sa.CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="ck_order_closing_decided"),
        sa.CheckConstraint("(decided_at IS NULL) = (agreed IS NULL)", name="ck_order_closing_answered"),
        sa.CheckConstraint(
            "agreed IS NULL OR agreed = 0 OR decided_by <> proposed_by", name="ck_order_closing_two_people"
        ),
        sa.ForeignKeyConstraint(["order_id"], ["top_up_order.id"], name="fk_order_closing_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_order_closing"),
    )
    op.create_index("ix_order_closing_order_id", "order_closing", ["order_id"])
    op.create_index(
        "uq_order_closing_open",
        "order_closing",
        ["order_id"],
        unique=True,
        sqlite_where=sa.text("decided_at IS NULL"),
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.create_table(
        "callback",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.String(40), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("their_ref", sa.String(80), nullable=True),
        sa.Column("status", sa.String(60), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["top_up_order.id"], name="fk_callback_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_callback"),
        sa.UniqueConstraint("route", "body_sha256", name="uq_callback_route_body_sha256"),
    )
    op.create_index("ix_callback_order_id", "callback", ["order_id"])
    op.create_table(
        "partner_balance",
        sa.Column("route", sa.String(40), nullable=False),
        sa.Column("hundredths", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("as_of", UtcDateTime(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("code", sa.String(60), nullable=True),
        sa.PrimaryKeyConstraint("route", name="pk_partner_balance"),
    )


def downgrade() -> None:
    for table in ("partner_balance", "callback", "order_closing", "route_pause"):
        op.drop_table(table)
