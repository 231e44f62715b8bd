"""Passkeys of staff, and the challenges they answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import voucher_service.db

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_AT = voucher_service.db.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "staff_passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("added_at", _AT, nullable=False),
        sa.Column("used_at", _AT, nullable=True),
        sa.CheckConstraint("sign_count >= 0", name=op.f("ck_staff_passkey_sign_count")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 60", name=op.f("ck_staff_passkey_name")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_passkey_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_staff_passkey_credential_id")),
    )
    op.create_index(op.f("ix_staff_passkey_staff_id"), "staff_passkey", ["staff_id"])
    op.create_table(
        "passkey_challenge",
        sa.Column("challenge_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", _AT, nullable=False),
        sa.Column("ends_at", _AT, nullable=False),
        sa.CheckConstraint("ends_at > made_at", name=op.f("ck_passkey_challenge_ends")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_passkey_challenge_staff_id")),
        sa.PrimaryKeyConstraint("challenge_hash", name=op.f("pk_passkey_challenge")),
    )
    op.create_index(op.f("ix_passkey_challenge_ends_at"), "passkey_challenge", ["ends_at"])


def downgrade() -> None:
    op.drop_table("passkey_challenge")
    op.drop_table("staff_passkey")
