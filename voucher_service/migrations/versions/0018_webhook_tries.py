"""Each try of a webhook delivery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_try",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("code", sa.String(60), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (code IS NULL)", name="ck_webhook_try_ended"),
        sa.ForeignKeyConstraint(["delivery_id"], ["webhook_delivery.id"], name="fk_webhook_try_delivery_id"),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="pk_webhook_try"),
    )


def downgrade() -> None:
    op.drop_table("webhook_try")
