"""Lines of statements may state the code of their product."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In place on both databases: the triggers of the table stay as they are.
    op.execute("ALTER TABLE stated_line ADD COLUMN product VARCHAR(40)")
    op.execute("CREATE INDEX ix_stated_line_product ON stated_line (id) WHERE product IS NOT NULL")


def downgrade() -> None:
    op.execute("DROP INDEX ix_stated_line_product")
    op.execute("ALTER TABLE stated_line DROP COLUMN product")
