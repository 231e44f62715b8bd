"""Closed months: the agreed statement, and triggers that keep all it covers as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import voucher_service.db

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Rows of the first table that a closed month covers, by the alias of the row that moves.
_OF_STATEMENT = (
    "SELECT 1 FROM statement s JOIN period_close p ON p.partner_id = s.partner_id AND p.agreed_at IS NOT NULL "
    "AND p.first_day <= s.last_day AND p.last_day >= s.first_day WHERE s.id = {row}.statement_id"
)
_STATEMENT = (
    "SELECT 1 FROM period_close p WHERE p.partner_id = {row}.partner_id AND p.agreed_at IS NOT NULL "
    "AND p.first_day <= {row}.last_day AND p.last_day >= {row}.first_day"
)
_TRANSFER = (
    "SELECT 1 FROM allocation a JOIN agreement g ON g.id = a.agreement_id JOIN period_close p "
    "ON p.partner_id = g.partner_id AND p.agreed_at IS NOT NULL AND {row}.recorded_at >= p.from_at "
    "AND {row}.recorded_at < p.until_at WHERE a.id = {row}.source_id / 100"
)
_KEPT = (
    ("statement", "INSERT", _STATEMENT),
    ("statement_line", "INSERT", _OF_STATEMENT),
    ("statement_line", "UPDATE", _OF_STATEMENT),
    ("statement_line", "DELETE", _OF_STATEMENT),
    ("reconciliation_break", "INSERT", _OF_STATEMENT),
    ("reconciliation_break", "UPDATE", _OF_STATEMENT),
    ("reconciliation_break", "DELETE", _OF_STATEMENT),
    ("transfer", "INSERT", _TRANSFER),
)
_MESSAGE = "the period is closed"


def upgrade() -> None:
    op.create_table(
        "period_close",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("from_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("until_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("proposed_by", sa.String(length=60), nullable=False),
        sa.Column("proposed_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("agreed_by", sa.String(length=60), nullable=True),
        sa.Column("agreed_at", voucher_service.db.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("last_day > first_day AND until_at > from_at", name=op.f("ck_period_close_period")),
        sa.CheckConstraint("(agreed_by IS NULL) = (agreed_at IS NULL)", name=op.f("ck_period_close_agreed")),
        sa.CheckConstraint("agreed_by IS NULL OR agreed_by <> proposed_by", name=op.f("ck_period_close_two_people")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_period_close_partner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_period_close")),
        sa.UniqueConstraint("partner_id", "first_day", name=op.f("uq_period_close_partner_id_first_day")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _name(table: str, verb: str) -> str:
    return f"closed_{table}_{verb.lower()}"


def _sqlite() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {_name('period', verb)} BEFORE {verb} ON period_close WHEN OLD.agreed_at IS NOT NULL "
            f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        )
    for table, verb, covered in _KEPT:
        rows = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}[verb]
        when = " OR ".join(f"EXISTS ({covered.format(row=row)})" for row in rows)
        if table == "transfer":
            # A transfer recorded today lies in no closed month: the redemption pays for one comparison.
            when = f"NEW.recorded_at < strftime('%Y-%m-%dT%H:%M:%f', 'now', '-1 day') AND {when}"
        op.execute(
            f"CREATE TRIGGER {_name(table, verb)} BEFORE {verb} ON {table} WHEN {when} "
            f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        )


def _function(name: str, covered: str) -> None:
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS ({covered}) THEN "
        f"RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )


def _postgresql() -> None:
    _function("closed_period", "SELECT 1 WHERE OLD.agreed_at IS NOT NULL")
    op.execute(
        "CREATE TRIGGER closed_period BEFORE UPDATE OR DELETE ON period_close "
        "FOR EACH ROW EXECUTE FUNCTION closed_period()"
    )
    _function("closed_statement", _STATEMENT.format(row="NEW"))
    op.execute("CREATE TRIGGER closed_statement BEFORE INSERT ON statement FOR EACH ROW EXECUTE FUNCTION closed_statement()")
    _function("closed_transfer", _TRANSFER.format(row="NEW"))
    # A transfer recorded today lies in no closed month: the redemption pays for one comparison.
    op.execute(
        "CREATE TRIGGER closed_transfer BEFORE INSERT ON transfer FOR EACH ROW "
        "WHEN (NEW.recorded_at < now() - interval '1 day') EXECUTE FUNCTION closed_transfer()"
    )
    # Lines come and match by the million: one look a statement, over its rows together.
    _function("closed_rows", _OF_STATEMENT.replace("s.id = {row}.statement_id", "s.id IN (SELECT statement_id FROM touched)"))
    for table in ("statement_line", "reconciliation_break"):
        for verb, kept in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")):
            op.execute(
                f"CREATE TRIGGER {_name(table, verb)} AFTER {verb} ON {table} REFERENCING {kept} TABLE AS touched "
                "FOR EACH STATEMENT EXECUTE FUNCTION closed_rows()"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table, verb, _covered in _KEPT:
            op.execute(f"DROP TRIGGER {_name(table, verb)}")
    else:
        for name, table in (("closed_statement", "statement"), ("closed_transfer", "transfer")):
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
        for table in ("statement_line", "reconciliation_break"):
            for verb in ("INSERT", "UPDATE", "DELETE"):
                op.execute(f"DROP TRIGGER {_name(table, verb)} ON {table}")
        op.execute("DROP FUNCTION closed_rows()")
    op.drop_table("period_close")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION closed_period()")
