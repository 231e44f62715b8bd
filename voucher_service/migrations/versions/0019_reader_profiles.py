"""How partners' statements are read: profiles in versions, and for each statement its profile, number and forebear."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TABLES = ("reader_profile", "statement_reading")


def upgrade() -> None:
    op.create_table(
        "reader_profile",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(60), nullable=False),
        sa.Column("made_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_reader_profile_version")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_reader_profile_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reader_profile")),
        sa.UniqueConstraint("partner_id", "version", name=op.f("uq_reader_profile_partner_id_version")),
    )
    op.create_table(
        "statement_reading",
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=True),
        sa.Column("series_no", sa.Integer(), nullable=True),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(replaces_id IS NULL) = (edition = 1)", name=op.f("ck_statement_reading_edition")),
        sa.CheckConstraint("series_no >= 1", name=op.f("ck_statement_reading_series_no")),
        sa.CheckConstraint("replaces_id <> statement_id", name=op.f("ck_statement_reading_itself")),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_statement_reading_statement_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_statement_reading_partner_id")),
        sa.ForeignKeyConstraint(["profile_id"], ["reader_profile.id"], name=op.f("fk_statement_reading_profile_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["statement.id"], name=op.f("fk_statement_reading_replaces_id")),
        sa.PrimaryKeyConstraint("statement_id", name=op.f("pk_statement_reading")),
        sa.UniqueConstraint(
            "partner_id", "series_no", "edition", name=op.f("uq_statement_reading_partner_id_series_no_edition")
        ),
        sa.UniqueConstraint("replaces_id", name=op.f("uq_statement_reading_replaces_id")),
    )
    for table in _TABLES:
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
    for table in reversed(_TABLES):
        op.drop_table(table)
