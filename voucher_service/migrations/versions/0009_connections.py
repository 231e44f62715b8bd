"""Connections to partners, with sealed credentials, and the journal of what was changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("route", sa.String(16), nullable=False),
        sa.Column("base", sa.String(200), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("trial", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("version > 0", name="ck_connection_version"),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name="fk_connection_partner_id"),
        sa.PrimaryKeyConstraint("id", name="pk_connection"),
        sa.UniqueConstraint("route", name="uq_connection_route"),
    )
    op.create_table(
        "connection_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("code", sa.String(60), nullable=True),
        sa.Column("actor", sa.String(60), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name="fk_connection_change_connection_id"),
        sa.PrimaryKeyConstraint("id", name="pk_connection_change"),
        sa.UniqueConstraint("connection_id", "number", name="uq_connection_change_connection_id_number"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER connection_change_no_{verb.lower()} BEFORE {verb} ON connection_change "
                "BEGIN SELECT RAISE(ABORT, 'connection_change: rows are written once'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER connection_change_no_change BEFORE UPDATE OR DELETE ON connection_change "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("connection_change")
    op.drop_table("connection")
