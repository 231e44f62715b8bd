"""A month is proposed by an account of the programme and agreed to by one of its partner: the database asks both."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_MESSAGE = "a month is proposed by the programme and agreed to by its partner"
# Accounts are written as `staff:` and their id, which SQLite keeps without hyphens.
_OURS = "EXISTS (SELECT 1 FROM staff s WHERE {id} = {by} AND s.partner_id IS NULL)"
_THEIRS = "EXISTS (SELECT 1 FROM staff s WHERE {id} = {by} AND s.partner_id = NEW.partner_id)"


def _sides(account: str, by: str) -> tuple[str, str]:
    """Return what must hold of who proposes, and of who agrees."""
    ours = _OURS.format(id=account, by=by.format("NEW.proposed_by"))
    theirs = _THEIRS.format(id=account, by=by.format("NEW.agreed_by"))
    return ours, f"(NEW.agreed_by IS NULL OR {theirs})"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        ours, theirs = _sides("'staff:' || s.id", "REPLACE({0}, '-', '')")
        for verb, holds in (("INSERT", f"{ours} AND {theirs}"), ("UPDATE", theirs)):
            op.execute(
                f"CREATE TRIGGER period_close_sides_{verb.lower()} BEFORE {verb} ON period_close WHEN NOT ({holds}) "
                f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
            )
        return
    ours, theirs = _sides("'staff:' || CAST(s.id AS text)", "{0}")
    op.execute(
        "CREATE FUNCTION period_close_sides() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NOT ((TG_OP = 'UPDATE' OR {ours}) AND {theirs}) THEN "
        f"RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
    )
    op.execute(
        "CREATE TRIGGER period_close_sides BEFORE INSERT OR UPDATE ON period_close "
        "FOR EACH ROW EXECUTE FUNCTION period_close_sides()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("insert", "update"):
            op.execute(f"DROP TRIGGER period_close_sides_{verb}")
        return
    op.execute("DROP TRIGGER period_close_sides ON period_close")
    op.execute("DROP FUNCTION period_close_sides()")
