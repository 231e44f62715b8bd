"""Lines of statements are written once, in the order of the file; what they claim stands apart.

A million lines can so be loaded and matched without one row being written twice. The triggers that keep a closed
month follow its lines to their new tables. Claims have no foreign keys: orders are never deleted instead.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import voucher_service.db

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
GUARDED = ("intake", "stated_line")

# What a closed month covers, by the ids of the statements a row belongs to.
_CLOSED = (
    "SELECT 1 FROM statement s JOIN period_close p ON p.partner_id = s.partner_id AND p.agreed_at IS NOT NULL "
    "AND p.first_day <= s.last_day AND p.last_day >= s.first_day WHERE s.id IN ({ids})"
)
_BY_NUMBER = "SELECT statement_id FROM intake WHERE number {number}"
_VERBS = ("INSERT", "UPDATE", "DELETE")
# By table: the verbs, the ids for one row (SQLite), and the function that looks at all rows together (PostgreSQL).
# A line belongs to a statement by its own id too. Changing and deleting lines is refused whatever the month.
_KEPT = {
    "statement_line": (_VERBS, "{row}.statement_id", "closed_rows"),
    "reconciliation_break": (_VERBS, "{row}.statement_id", "closed_rows"),
    "stated_line": (
        ("INSERT",), f"{{row}}.statement_id, ({_BY_NUMBER.format(number='= {row}.id / 4294967296')})", "closed_lines",
    ),
    "line_claim": (_VERBS, f"({_BY_NUMBER.format(number='= {row}.line_id / 4294967296')})", "closed_claims"),
}  # fmt: skip
# On PostgreSQL, the ids for all rows that a statement touched; `closed_rows` came with step 10.
_TOGETHER = {
    "closed_lines": "SELECT statement_id FROM touched UNION "
    + _BY_NUMBER.format(number="IN (SELECT id / 4294967296 FROM touched)"),
    "closed_claims": _BY_NUMBER.format(number="IN (SELECT line_id / 4294967296 FROM touched)"),
}
# Rows that an UPDATE could move into a closed month; SQLite's triggers look at both sides anyway.
_MOVABLE = ("line_claim", "reconciliation_break")
_MESSAGE = "the period is closed"


def upgrade() -> None:
    _unguard("statement_line", "reconciliation_break")
    _tables()
    _fill()
    op.drop_table("statement_line")
    if op.get_bind().dialect.name == "sqlite":
        for table in GUARDED:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table}: rows are written once'); END"
                )
    else:
        # The bytes of a file are compressed no better than its packets: keeping them plain saves seconds.
        op.execute("ALTER TABLE statement ALTER COLUMN content SET STORAGE EXTERNAL")
        for table in GUARDED:
            op.execute(
                f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
            op.execute(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        for name, ids in _TOGETHER.items():
            _function(name, f"IF EXISTS ({_CLOSED.format(ids=ids)}) THEN {_raise(_MESSAGE)} END IF; RETURN NULL;")
    _guard("stated_line", "line_claim", "reconciliation_break")
    if op.get_bind().dialect.name != "sqlite":
        for table in _MOVABLE:
            _together(f"closed_{table}_into", "UPDATE", "NEW", table)
    _keep_orders()


def _tables() -> None:
    op.create_table(
        "intake",
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_intake_statement_id")),
        sa.PrimaryKeyConstraint("statement_id", name=op.f("pk_intake")),
        sa.UniqueConstraint("number", name=op.f("uq_intake_number")),
    )
    op.create_table(
        "stated_line",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("our_ref", sa.String(40), nullable=True),
        sa.Column("named_id", sa.Uuid(), nullable=True),
        sa.Column("partner_ref", sa.String(80), nullable=True),
        sa.Column("serial", sa.String(30), nullable=True),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("event_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stated_line")),
    )
    op.create_table(
        "line_claim",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", BIG, nullable=False),
        sa.Column("matched_by", sa.String(12), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_line_claim")),
        sa.UniqueConstraint("line_id", name=op.f("uq_line_claim_line_id")),
    )


def _fill() -> None:
    """Carry what stands in `statement_line` over."""
    op.execute(
        "INSERT INTO intake (statement_id, number) "
        "SELECT id, row_number() OVER (ORDER BY uploaded_at, id) FROM statement"
    )
    named = (
        "CASE WHEN length(our_ref) = 36 AND our_ref GLOB '*-*-*-*-*' THEN replace(CASE WHEN substr(our_ref, 15, 1) >= '8' "
        "THEN substr(our_ref, 1, 14) || '7' || substr(our_ref, 16) ELSE our_ref END, '-', '') END"
        if op.get_bind().dialect.name == "sqlite"
        else "CASE WHEN our_ref ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN CAST("
        "CASE WHEN substr(our_ref, 15, 1) >= '8' THEN overlay(our_ref placing '7' from 15 for 1) ELSE our_ref END AS uuid) END"
    )
    op.execute(
        "INSERT INTO stated_line SELECT number * 4294967296 + line, l.statement_id, line, our_ref, "
        f"{named}, partner_ref, serial, unit, quantity, status, event_at "
        "FROM statement_line l JOIN intake i ON i.statement_id = l.statement_id"
    )
    op.execute(
        "INSERT INTO line_claim SELECT order_id, number * 4294967296 + line, matched_by "
        "FROM statement_line l JOIN intake i ON i.statement_id = l.statement_id WHERE order_id IS NOT NULL"
    )
    _repoint(
        "stated_line",
        "SELECT number * 4294967296 + line FROM statement_line l JOIN intake i ON i.statement_id = l.statement_id "
        "WHERE l.id = line_id",
    )


def _guard(*tables: str) -> None:
    """Refuse what would move in a closed month: a row at a time on SQLite, all rows of a command at once on PostgreSQL."""
    for table in tables:
        verbs, ids, _function_name = _KEPT[table]
        for verb in verbs:
            if op.get_bind().dialect.name == "sqlite":
                rows = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}[verb]
                when = " OR ".join(f"EXISTS ({_CLOSED.format(ids=ids.format(row=row))})" for row in rows)
                op.execute(
                    f"CREATE TRIGGER {_name(table, verb)} BEFORE {verb} ON {table} WHEN {when} "
                    f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
                )
                continue
            _together(_name(table, verb), verb, "NEW" if verb == "INSERT" else "OLD", table)


def _together(name: str, verb: str, kept: str, table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {name} AFTER {verb} ON {table} REFERENCING {kept} TABLE AS touched "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {_KEPT[table][2]}()"
    )


def _unguard(*tables: str) -> None:
    for table in tables:
        on = "" if op.get_bind().dialect.name == "sqlite" else f" ON {table}"
        for verb in _KEPT[table][0]:
            op.execute(f"DROP TRIGGER {_name(table, verb)}{on}")


def _name(table: str, verb: str) -> str:
    return f"closed_{table}_{verb.lower()}"


def _keep_orders() -> None:
    """Refuse to delete orders: a claim that names one has no foreign key to hold it."""
    message = "top_up_order: rows are never deleted"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER top_up_order_no_delete BEFORE DELETE ON top_up_order "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    _function("refuse_order_delete", _raise(message))
    op.execute(
        "CREATE TRIGGER top_up_order_no_delete BEFORE DELETE OR TRUNCATE ON top_up_order "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_order_delete()"
    )


def _function(name: str, body: str) -> None:
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")


def _raise(message: str) -> str:
    return f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';"


def _repoint(table: str, ids: str) -> None:
    """Let breaks refer to the lines of `table`; `ids` finds the new id of `line_id`."""
    name = op.f("fk_reconciliation_break_line_id")
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("reconciliation_break") as batch:
            batch.drop_constraint(name, type_="foreignkey")
        op.execute(f"UPDATE reconciliation_break SET line_id = ({ids}) WHERE line_id IS NOT NULL")
        with op.batch_alter_table("reconciliation_break") as batch:
            batch.create_foreign_key(name, table, ["line_id"], ["id"])
        return
    op.drop_constraint(name, "reconciliation_break", type_="foreignkey")
    op.execute(f"UPDATE reconciliation_break SET line_id = ({ids}) WHERE line_id IS NOT NULL")
    op.create_foreign_key(name, "reconciliation_break", table, ["line_id"], ["id"])


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    # Before the ids of lines are written anew in rows of closed months.
    _unguard("stated_line", "line_claim", "reconciliation_break")
    if not is_sqlite:
        for table in _MOVABLE:
            op.execute(f"DROP TRIGGER closed_{table}_into ON {table}")
    op.execute(f"DROP TRIGGER top_up_order_no_delete{'' if is_sqlite else ' ON top_up_order'}")
    _statement_line()
    for table in ("line_claim", "stated_line", "intake"):
        op.drop_table(table)
    if not is_sqlite:
        op.execute("ALTER TABLE statement ALTER COLUMN content SET STORAGE EXTENDED")
        for name in (*_TOGETHER, "refuse_order_delete"):
            op.execute(f"DROP FUNCTION {name}()")
    _guard("statement_line", "reconciliation_break")


def _statement_line() -> None:
    """Make `statement_line` again, with what its lines claimed."""
    op.create_table(
        "statement_line",
        sa.Column("id", BIG, nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("our_ref", sa.String(40), nullable=True),
        sa.Column("partner_ref", sa.String(80), nullable=True),
        sa.Column("serial", sa.String(30), nullable=True),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("event_at", voucher_service.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("matched_by", sa.String(12), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["top_up_order.id"], name=op.f("fk_statement_line_order_id")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_statement_line_partner_id")),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_statement_line_statement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_line")),
        sa.UniqueConstraint("order_id", name=op.f("uq_statement_line_order_id")),
        sa.UniqueConstraint("statement_id", "line", name=op.f("uq_statement_line_statement_id_line")),
    )
    op.execute(
        "INSERT INTO statement_line (statement_id, partner_id, line, our_ref, partner_ref, serial, unit, quantity, "
        "status, event_at, order_id, matched_by) SELECT l.statement_id, s.partner_id, l.line, our_ref, partner_ref, "
        "serial, unit, quantity, status, event_at, c.order_id, c.matched_by FROM stated_line l "
        "JOIN statement s ON s.id = l.statement_id LEFT JOIN line_claim c ON c.line_id = l.id ORDER BY l.id"
    )
    _repoint(
        "statement_line",
        "SELECT l.id FROM statement_line l JOIN stated_line n ON n.statement_id = l.statement_id AND n.line = l.line "
        "WHERE n.id = line_id",
    )
