"""What replicas of one market share: what was published, who was challenged, and for which hub all that is."""

from typing import Final

import sqlalchemy as sql

META: Final = sql.MetaData()

#: One row: which hub of which chain this database is about.
PLACE: Final = sql.Table(
    "place",
    META,
    sql.Column("chain", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("hub", sql.String(42), nullable=False),
)

#: One row: how many changes there were. Whoever makes one holds the row until the change is committed, so that a
#: replica that has seen change n has seen all before it.
CHANGES: Final = sql.Table(
    "changes",
    META,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("made", sql.BigInteger, nullable=False),
)

ORDERS: Final = sql.Table(
    "orders",
    META,
    sql.Column("order_hash", sql.String(66), primary_key=True),
    sql.Column("kind", sql.String(20), nullable=False),
    sql.Column("document", sql.LargeBinary, nullable=False),
    sql.Column("signer", sql.String(42), nullable=False),
    sql.Column("published", sql.BigInteger, nullable=False),
    sql.Column("withdrawn", sql.Boolean, nullable=False),
    sql.Column("presigned", sql.Boolean, nullable=False, server_default=sql.false()),
    sql.Column("change", sql.BigInteger, nullable=False, index=True),
)

CHALLENGES: Final = sql.Table(
    "challenges",
    META,
    sql.Column("digest", sql.String(66), primary_key=True),
    sql.Column("address", sql.String(42), nullable=False, index=True),
    sql.Column("expires", sql.BigInteger, nullable=False, index=True),
)
