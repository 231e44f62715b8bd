"""The count of what is left of a gift that ends, signed by a second person. What one alone had signed is counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

TABLE = "gift_sign_off"
GIFT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FROZEN = ("allocation_id", "available", "reserved", "in_delivery", "counted_by", "counted_at")


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("allocation_id", GIFT, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("available", "reserved", "in_delivery")),
        sa.Column("counted_by", sa.String(60), nullable=False),
        sa.Column("counted_at", UtcDateTime(), nullable=False),
        sa.Column("signed_by", sa.String(60), nullable=True),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("(signed_at IS NULL) = (signed_by IS NULL)", name=op.f("ck_gift_sign_off_signed")),
        sa.CheckConstraint("signed_by IS NULL OR signed_by <> counted_by", name=op.f("ck_gift_sign_off_two_people")),
        sa.ForeignKeyConstraint(["allocation_id"], ["allocation.id"], name=op.f("fk_gift_sign_off_allocation_id")),
        sa.PrimaryKeyConstraint("allocation_id", name=op.f("pk_gift_sign_off")),
    )
    op.execute(
        f"INSERT INTO {TABLE} (allocation_id, counted_by, counted_at) "
        "SELECT allocation_id, actor, noted_at FROM gift_step WHERE step = 'signed_off'"
    )
    _write_once()


def _write_once() -> None:
    """What was counted never changes, and the signature is written once."""
    differs = "NEW.{0} IS NOT OLD.{0}" if _sqlite() else "NEW.{0} IS DISTINCT FROM OLD.{0}"
    changed = " OR ".join(["OLD.signed_at IS NOT NULL", *(differs.format(name) for name in _FROZEN)])
    for verb in ("UPDATE", "DELETE"):
        only = f"WHEN ({changed}) " if verb == "UPDATE" else ""
        name = f"{TABLE}_no_{verb.lower()}"
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} {only}"
            f"BEGIN SELECT RAISE(ABORT, '{TABLE}: rows are written once'); END"
            if _sqlite()
            else f"CREATE TRIGGER {name} BEFORE {verb} ON {TABLE} FOR EACH ROW {only}EXECUTE FUNCTION refuse_change()"
        )
    if not _sqlite():
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()"
        )


def downgrade() -> None:
    op.drop_table(TABLE)
