"""SIM cards, handsets and seats: lots of them, parcels between branches, stock-takes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import voucher_service.db

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "article_lot",
        sa.Column("lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_article_lot_branch_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_article_lot_lot_id")),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_article_lot")),
    )
    op.create_table(
        "stock_count",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("opened_by", sa.String(length=60), nullable=False),
        sa.Column("opened_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", sa.String(length=60), nullable=True),
        sa.Column("submitted_at", voucher_service.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=60), nullable=True),
        sa.Column("closed_at", voucher_service.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.CheckConstraint(
            "state <> 'closed' OR (closed_by IS NOT NULL AND closed_by <> submitted_by)",
            name=op.f("ck_stock_count_two_people"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('submitted', 'closed') OR submitted_by IS NOT NULL", name=op.f("ck_stock_count_submitted")
        ),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_stock_count_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_count")),
    )
    op.create_index(
        "uq_stock_count_under_way",
        "stock_count",
        ["branch_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'submitted')"),
        postgresql_where=sa.text("state IN ('open', 'submitted')"),
    )
    op.create_table(
        "count_stray",
        sa.Column("count_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.String(length=30), nullable=False),
        sa.Column("seen_by", sa.String(length=60), nullable=False),
        sa.Column("seen_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["count_id"], ["stock_count.id"], name=op.f("fk_count_stray_count_id")),
        sa.PrimaryKeyConstraint("count_id", "serial", name=op.f("pk_count_stray")),
    )
    op.create_table(
        "parcel",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_branch_id", sa.Integer(), nullable=False),
        sa.Column("to_branch_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("sent_by", sa.String(length=60), nullable=False),
        sa.Column("sent_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(length=60), nullable=True),
        sa.Column("ended_at", voucher_service.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_note", sa.String(length=200), nullable=False),
        sa.Column("count_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'sent') = (ended_by IS NULL) AND (ended_by IS NULL) = (ended_at IS NULL)",
            name=op.f("ck_parcel_ended"),
        ),
        sa.CheckConstraint("state <> 'received' OR ended_by <> sent_by", name=op.f("ck_parcel_two_people")),
        sa.CheckConstraint("from_branch_id <> to_branch_id", name=op.f("ck_parcel_branches")),
        sa.ForeignKeyConstraint(["count_id"], ["stock_count.id"], name=op.f("fk_parcel_count_id")),
        sa.ForeignKeyConstraint(["from_branch_id"], ["branch.id"], name=op.f("fk_parcel_from_branch_id")),
        sa.ForeignKeyConstraint(["to_branch_id"], ["branch.id"], name=op.f("fk_parcel_to_branch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parcel")),
    )
    op.create_table(
        "article",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("product_code", sa.String(length=40), nullable=False),
        sa.Column("serial", sa.String(length=30), nullable=False),
        sa.Column("face_value_cents", sa.Integer(), nullable=False),
        sa.Column("sell_by", sa.Date(), nullable=True),
        sa.Column("model", sa.String(length=80), nullable=True),
        sa.Column("condition", sa.String(length=8), nullable=True),
        sa.Column("starts", sa.String(length=5), nullable=True),
        sa.Column("place", sa.String(length=120), nullable=True),
        sa.Column("pin_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("puk_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("number_lookup", sa.LargeBinary(length=32), nullable=True),
        sa.Column("number_tail", sa.String(length=2), nullable=True),
        sa.Column("branch_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("held_at", voucher_service.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("given_at", voucher_service.db.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(given_at IS NOT NULL) = (state = 'given')", name=op.f("ck_article_given")),
        sa.CheckConstraint(
            "(kind = 'handset') = (model IS NOT NULL AND condition IS NOT NULL)", name=op.f("ck_article_handset")
        ),
        sa.CheckConstraint(
            "(kind = 'seat') = (place IS NOT NULL AND starts IS NOT NULL) AND (kind <> 'seat' OR sell_by IS NOT NULL)",
            name=op.f("ck_article_seat"),
        ),
        sa.CheckConstraint("(order_id IS NOT NULL) = (state IN ('held', 'given'))", name=op.f("ck_article_order")),
        sa.CheckConstraint(
            "kind = 'sim' OR (pin_sealed IS NULL AND puk_sealed IS NULL AND number_sealed IS NULL)",
            name=op.f("ck_article_sim"),
        ),
        sa.CheckConstraint(
            "(number_sealed IS NULL) = (number_lookup IS NULL) AND (number_sealed IS NULL) = (number_tail IS NULL)",
            name=op.f("ck_article_number"),
        ),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name=op.f("fk_article_branch_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_article_lot_id")),
        sa.ForeignKeyConstraint(["order_id"], ["top_up_order.id"], name=op.f("fk_article_order_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_article_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article")),
        sa.UniqueConstraint("kind", "serial", name=op.f("uq_article_kind_serial")),
        sa.UniqueConstraint("order_id", name=op.f("uq_article_order_id")),
    )
    op.create_index(op.f("ix_article_lot_id"), "article", ["lot_id"], unique=False)
    op.create_index(
        "ix_article_next",
        "article",
        ["branch_id", "partner_id", "product_code", "sell_by"],
        unique=False,
        sqlite_where=sa.text("state = 'in_stock'"),
        postgresql_where=sa.text("state = 'in_stock'"),
    )
    op.create_index("ix_article_serial", "article", ["serial"], unique=False)
    op.create_table(
        "article_look",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("shown_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number = 1 OR length(reason) >= 3", name=op.f("ck_article_look_reason")),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_article_look_article_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_look")),
        sa.UniqueConstraint("article_id", "number", name=op.f("uq_article_look_article_id_number")),
    )
    op.create_table(
        "count_line",
        sa.Column("count_id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("expected", sa.SmallInteger(), nullable=False),
        sa.Column("seen_by", sa.String(length=60), nullable=True),
        sa.Column("seen_at", voucher_service.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("finding", sa.String(length=10), nullable=True),
        sa.CheckConstraint("(seen_by IS NULL) = (seen_at IS NULL)", name=op.f("ck_count_line_seen")),
        sa.CheckConstraint("expected = 1 OR seen_by IS NOT NULL", name=op.f("ck_count_line_why")),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_count_line_article_id")),
        sa.ForeignKeyConstraint(["count_id"], ["stock_count.id"], name=op.f("fk_count_line_count_id")),
        sa.PrimaryKeyConstraint("count_id", "article_id", name=op.f("pk_count_line")),
    )
    op.create_table(
        "parcel_article",
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("arrived", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint("arrived IN (0, 1)", name=op.f("ck_parcel_article_arrived")),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_parcel_article_article_id")),
        sa.ForeignKeyConstraint(["parcel_id"], ["parcel.id"], name=op.f("fk_parcel_article_parcel_id")),
        sa.PrimaryKeyConstraint("parcel_id", "article_id", name=op.f("pk_parcel_article")),
        sa.UniqueConstraint("article_id", "number", name=op.f("uq_parcel_article_article_id_number")),
    )
    op.create_index(
        "uq_parcel_article_under_way",
        "parcel_article",
        ["article_id"],
        unique=True,
        sqlite_where=sa.text("arrived IS NULL"),
        postgresql_where=sa.text("arrived IS NULL"),
    )
    op.create_table(
        "stock_act_article",
        sa.Column("act_id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["act_id"], ["stock_act.id"], name=op.f("fk_stock_act_article_act_id")),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_stock_act_article_article_id")),
        sa.PrimaryKeyConstraint("act_id", "article_id", name=op.f("pk_stock_act_article")),
    )
    _write_once()


def _write_once() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER article_look_no_{verb.lower()} BEFORE {verb} ON article_look "
                "BEGIN SELECT RAISE(ABORT, 'article_look: rows are written once'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER article_look_no_change BEFORE UPDATE OR DELETE ON article_look "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER article_look_no_truncate BEFORE TRUNCATE ON article_look "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("stock_act_article")
    op.drop_index(
        "uq_parcel_article_under_way",
        table_name="parcel_article",
        sqlite_where=sa.text("arrived IS NULL"),
        postgresql_where=sa.text("arrived IS NULL"),
    )
    op.drop_table("parcel_article")
    op.drop_table("count_line")
    op.drop_table("article_look")
    op.drop_index("ix_article_serial", table_name="article")
    op.drop_index(
        "ix_article_next",
        table_name="article",
        sqlite_where=sa.text("state = 'in_stock'"),
        postgresql_where=sa.text("state = 'in_stock'"),
    )
    op.drop_index(op.f("ix_article_lot_id"), table_name="article")
    op.drop_table("article")
    op.drop_table("parcel")
    op.drop_table("count_stray")
    op.drop_index(
        "uq_stock_count_under_way",
        table_name="stock_count",
        sqlite_where=sa.text("state IN ('open', 'submitted')"),
        postgresql_where=sa.text("state IN ('open', 'submitted')"),
    )
    op.drop_table("stock_count")
    op.drop_table("article_lot")
