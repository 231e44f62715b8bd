"""The files of an agreed statement are kept, not only their hashes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("csv", "pdf"):
        op.add_column("period_close", sa.Column(name, sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    for name in ("csv", "pdf"):
        op.drop_column("period_close", name)
