"""The end of a gift: its calendar, the steps reached, and what leaves it by two people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

GIFT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FROZEN = ("id", "allocation_id", "way", "quantity", "reason", "proposed_by", "proposed_at")


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    days = ("warn_days", "stop_days", "remind_days", "tolerance_days", "statement_days")
    op.create_table(
        "end_calendar",
        sa.Column("effective_from", sa.Date(), nullable=False),
        *(sa.Column(name, sa.SmallInteger(), nullable=False) for name in days),
        sa.CheckConstraint(
            "warn_days BETWEEN 1 AND 366 AND stop_days BETWEEN 0 AND warn_days AND remind_days BETWEEN 0 AND warn_days",
            name=op.f("ck_end_calendar_before"),
        ),
        sa.CheckConstraint(
            "tolerance_days BETWEEN 0 AND 366 AND statement_days BETWEEN tolerance_days AND 400",
            name=op.f("ck_end_calendar_after"),
        ),
        sa.PrimaryKeyConstraint("effective_from", name=op.f("pk_end_calendar")),
    )
    op.create_table(
        "gift_step",
        sa.Column("allocation_id", GIFT, nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("noted_at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(60), nullable=False),
        sa.ForeignKeyConstraint(["allocation_id"], ["allocation.id"], name=op.f("fk_gift_step_allocation_id")),
        sa.PrimaryKeyConstraint("allocation_id", "step", name=op.f("pk_gift_step")),
    )
    _leaving()
    _write_once()


def _leaving() -> None:
    op.create_table(
        "gift_leaving",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("allocation_id", GIFT, nullable=False),
        sa.Column("way", sa.String(10), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("proposed_by", sa.String(60), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("agreed", sa.SmallInteger(), nullable=True),
        sa.Column("decided_by", sa.String(60), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("transfer_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_gift_leaving_positive")),
        sa.CheckConstraint("length(reason) >= 3", name=op.f("ck_gift_leaving_reason")),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)",
            name=op.f("ck_gift_leaving_decided"),
        ),
        sa.CheckConstraint(
            "agreed IS NULL OR agreed = 0 OR decided_by <> proposed_by", name=op.f("ck_gift_leaving_two_people")
        ),
        sa.CheckConstraint(
            "agreed IS NULL OR agreed = 0 OR transfer_id IS NOT NULL", name=op.f("ck_gift_leaving_booked")
        ),
        sa.ForeignKeyConstraint(["allocation_id"], ["allocation.id"], name=op.f("fk_gift_leaving_allocation_id")),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfer.id"], name=op.f("fk_gift_leaving_transfer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift_leaving")),
    )
    op.create_index("ix_gift_leaving_allocation_id", "gift_leaving", ["allocation_id"])
    op.create_index(
        "uq_gift_leaving_open", "gift_leaving", ["allocation_id"], unique=True,
        sqlite_where=sa.text("decided_at IS NULL"), postgresql_where=sa.text("decided_at IS NULL"),
    )  # fmt: skip


def _write_once() -> None:
    """Steps never change; of a proposal only the decision is written, once."""
    differs = "NEW.{0} IS NOT OLD.{0}" if _sqlite() else "NEW.{0} IS DISTINCT FROM OLD.{0}"
    changed = " OR ".join(["OLD.decided_at IS NOT NULL", *(differs.format(name) for name in _FROZEN)])
    for table, when in (("gift_step", ""), ("gift_leaving", changed)):
        for verb in ("UPDATE", "DELETE"):
            only = f"WHEN ({when}) " if when and verb == "UPDATE" else ""
            name = f"{table}_no_{verb.lower()}"
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {only}"
                f"BEGIN SELECT RAISE(ABORT, '{table}: rows are written once'); END"
                if _sqlite()
                else f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW {only}EXECUTE FUNCTION refuse_change()"
            )
        if not _sqlite():
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()"
            )


def downgrade() -> None:
    for table in ("gift_leaving", "gift_step", "end_calendar"):
        op.drop_table(table)
