"""Emergency packs and the lines of their paper log that were keyed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import voucher_service.db

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_AT = voucher_service.db.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "emergency_pack",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("pages", sa.SmallInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=60), nullable=False),
        sa.Column("made_at", _AT, nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_emergency_pack_number")),
        sa.CheckConstraint("pages BETWEEN 1 AND 20", name=op.f("ck_emergency_pack_pages")),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_emergency_pack_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency_pack")),
        sa.UniqueConstraint("number", name=op.f("uq_emergency_pack_number")),
    )
    op.create_index(op.f("ix_emergency_pack_branch_id"), "emergency_pack", ["branch_id"])
    op.create_table(
        "paper_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pack_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.SmallInteger(), nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scan_id", sa.Uuid(), nullable=False),
        sa.Column("voucher_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=9), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("handed_at", _AT, nullable=False),
        sa.Column("initials", sa.String(length=8), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("keyed_at", _AT, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("closed_at", _AT, nullable=True),
        sa.Column("closed_by", sa.String(length=60), nullable=True),
        sa.Column("decision", sa.String(length=16), nullable=True),
        sa.Column("closing_note", sa.String(length=400), nullable=True),
        *_checks(),
        sa.ForeignKeyConstraint(["pack_id"], ["emergency_pack.id"], name=op.f("fk_paper_line_pack_id")),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name=op.f("fk_paper_line_scan_id")),
        sa.ForeignKeyConstraint(["voucher_id"], ["voucher.id"], name=op.f("fk_paper_line_voucher_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_paper_line_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_line")),
        sa.UniqueConstraint("pack_id", "page", "line", name=op.f("uq_paper_line_pack_id_page_line")),
        sa.UniqueConstraint("scan_id", name=op.f("uq_paper_line_scan_id")),
    )
    op.create_index(op.f("ix_paper_line_voucher_id"), "paper_line", ["voucher_id"])
    waiting = sa.text("status = 'conflict' AND closed_at IS NULL")
    op.create_index(
        "ix_paper_line_open", "paper_line", ["keyed_at"], sqlite_where=waiting, postgresql_where=waiting
    )


def _checks() -> list[sa.CheckConstraint]:
    rules = {
        "place": "page BETWEEN 1 AND 20 AND line BETWEEN 1 AND 12",
        "status": "status IN ('confirmed', 'conflict')",
        "reason": "(status = 'confirmed') = (reason IS NULL)",
        "initials": "length(initials) BETWEEN 1 AND 8",
        "closed_by": "(closed_at IS NULL) = (closed_by IS NULL)",
        "decision": "(closed_at IS NULL) = (decision IS NULL)",
        "closed": "closed_at IS NULL OR status = 'conflict'",
    }
    return [sa.CheckConstraint(rule, name=op.f(f"ck_paper_line_{name}")) for name, rule in rules.items()]


def downgrade() -> None:
    op.drop_table("paper_line")
    op.drop_table("emergency_pack")
