"""Orders, challenges, and the place that they are for."""

import sqlalchemy as sql
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "place",
        sql.Column("chain", sql.BigInteger, primary_key=True, autoincrement=False),
        sql.Column("hub", sql.String(42), nullable=False),
    )
    op.create_table(
        "changes",
        sql.Column("id", sql.Integer, primary_key=True),
        sql.Column("made", sql.BigInteger, nullable=False),
    )
    op.create_table(
        "orders",
        sql.Column("order_hash", sql.String(66), primary_key=True),
        sql.Column("kind", sql.String(20), nullable=False),
        sql.Column("document", sql.LargeBinary, nullable=False),
        sql.Column("signer", sql.String(42), nullable=False),
        sql.Column("published", sql.BigInteger, nullable=False),
        sql.Column("withdrawn", sql.Boolean, nullable=False),
        sql.Column("change", sql.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "challenges",
        sql.Column("digest", sql.String(66), primary_key=True),
        sql.Column("address", sql.String(42), nullable=False, index=True),
        sql.Column("expires", sql.BigInteger, nullable=False, index=True),
    )
    op.execute("INSERT INTO changes (id, made) VALUES (1, 0)")


def downgrade() -> None:
    """Drop them."""
    for table in ("challenges", "orders", "changes", "place"):
        op.drop_table(table)
