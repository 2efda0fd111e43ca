"""Which orders count by a transaction of their signer's alone."""

import sqlalchemy as sql
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark; what was listed before has none."""
    op.add_column("orders", sql.Column("presigned", sql.Boolean, nullable=False, server_default=sql.false()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("orders", "presigned")
