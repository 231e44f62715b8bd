"""What people answer to "are this line and this order one top-up?": decided once, undone once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voucher_service.db import UtcDateTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIVE = "undone_at IS NULL AND (agreed IS NULL OR agreed = 1)"
_FROZEN = (
    "id", "line_id", "order_id", "is_same", "quantity", "unit", "note", "needs_second_person", "proposed_by",
    "proposed_at",
)  # fmt: skip
_DECISION = ("agreed", "decided_by", "decided_at")
_CLOSED = (
    "SELECT 1 FROM statement s JOIN period_close p ON p.partner_id = s.partner_id AND p.agreed_at IS NOT NULL "
    "AND p.first_day <= s.last_day AND p.last_day >= s.first_day WHERE s.id IN "
    "(SELECT statement_id FROM intake WHERE number = NEW.line_id / 4294967296)"
)


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def upgrade() -> None:
    op.create_table(
        "pairing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", BIG, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("is_same", sa.SmallInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("note", sa.String(400), nullable=False),
        sa.Column("needs_second_person", sa.SmallInteger(), nullable=False),
        sa.Column("proposed_by", sa.String(60), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("agreed", sa.SmallInteger(), nullable=True),
        sa.Column("decided_by", sa.String(60), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("undone_by", sa.String(60), nullable=True),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.Column("undone_note", sa.String(400), nullable=True),
        sa.CheckConstraint("length(note) >= 3", name=op.f("ck_pairing_note")),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_pairing_quantity")),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)",
            name=op.f("ck_pairing_decided"),
        ),
        sa.CheckConstraint(
            "agreed IS NULL OR agreed = 0 OR needs_second_person = 0 OR decided_by <> proposed_by",
            name=op.f("ck_pairing_two_people"),
        ),
        sa.CheckConstraint("is_same = 1 OR (COALESCE(agreed, 0) = 1 AND needs_second_person = 0)", name=op.f("ck_pairing_apart")),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undone_by IS NULL) AND (undone_at IS NULL) = (undone_note IS NULL) "
            "AND (undone_at IS NULL OR COALESCE(agreed, 0) = 1)",
            name=op.f("ck_pairing_undone"),
        ),
        sa.ForeignKeyConstraint(["line_id"], ["stated_line.id"], name=op.f("fk_pairing_line_id")),
        sa.ForeignKeyConstraint(["order_id"], ["top_up_order.id"], name=op.f("fk_pairing_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairing")),
    )
    for name, columns, only in (
        ("line", ["line_id"], "is_same = 1 AND "),
        ("order", ["order_id"], "is_same = 1 AND "),
        ("both", ["line_id", "order_id"], ""),
    ):
        live = sa.text(f"{only}{_LIVE}")
        op.create_index(
            f"uq_pairing_{name}", "pairing", columns, unique=True, sqlite_where=live, postgresql_where=live
        )
    op.create_index("ix_pairing_order_id", "pairing", ["order_id"])
    _guard()


def _guard() -> None:
    """What was proposed never changes, a decision and an undoing are written once; nothing moves in a closed month."""
    differs = "NEW.{0} IS NOT OLD.{0}" if _sqlite() else "NEW.{0} IS DISTINCT FROM OLD.{0}"
    frozen = " OR ".join(differs.format(name) for name in _FROZEN)
    decided = " OR ".join(differs.format(name) for name in _DECISION)
    again = f"{frozen} OR OLD.undone_at IS NOT NULL OR (OLD.decided_at IS NOT NULL AND ({decided}))"
    if _sqlite():
        for verb, when in (("UPDATE", f"WHEN {again} "), ("DELETE", "")):
            op.execute(
                f"CREATE TRIGGER pairing_no_{verb.lower()} BEFORE {verb} ON pairing {when}"
                "BEGIN SELECT RAISE(ABORT, 'pairing: rows are written once'); END"
            )
        for verb in ("INSERT", "UPDATE"):
            op.execute(
                f"CREATE TRIGGER closed_pairing_{verb.lower()} BEFORE {verb} ON pairing WHEN EXISTS ({_CLOSED}) "
                "BEGIN SELECT RAISE(ABORT, 'the period is closed'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER pairing_no_update BEFORE UPDATE ON pairing FOR EACH ROW "
        f"WHEN ({again}) EXECUTE FUNCTION refuse_change()"
    )
    for verb, scope in (("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER pairing_no_{verb.lower()} BEFORE {verb} ON pairing "
            f"FOR EACH {scope} EXECUTE FUNCTION refuse_change()"
        )
    for verb in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER closed_pairing_{verb.lower()} AFTER {verb} ON pairing REFERENCING NEW TABLE AS touched "
            "FOR EACH STATEMENT EXECUTE FUNCTION closed_claims()"
        )


def downgrade() -> None:
    # Who matched them cannot be told without it: line and order are free again, and differ until matched anew.
    op.execute("DELETE FROM line_claim WHERE matched_by = 'hand'")
    op.drop_table("pairing")
