"""The tables of one replica's copy of the chain: facts, how to go back, the blocks it read, and the deals."""

from typing import Final

import sqlalchemy as sql

META: Final = sql.MetaData()

FACTS: Final = sql.Table(
    "facts",
    META,
    sql.Column("table", sql.String, primary_key=True),
    sql.Column("name", sql.String, primary_key=True),
    sql.Column("value", sql.LargeBinary, nullable=False),
)

UNDO: Final = sql.Table(
    "undo",
    META,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("block", sql.Integer, nullable=False, index=True),
    sql.Column("table", sql.String, nullable=False),
    sql.Column("name", sql.String, nullable=False),
    sql.Column("before", sql.LargeBinary, nullable=False),
)

BLOCKS: Final = sql.Table(
    "blocks",
    META,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("block", sql.LargeBinary, nullable=False),
)

#: What deals are found by: there is an index for each, of the deals that are shown.
FOUND_BY: Final = (
    "category",
    "requester",
    "beneficiary",
    "app",
    "dataset",
    "workerpool",
    "app_owner",
    "dataset_owner",
    "workerpool_owner",
    "app_hash",
    "dataset_hash",
    "workerpool_hash",
    "request_hash",
)
_SHOWN: Final = sql.text("document IS NOT NULL")

#: The event is kept with its block; the hub is asked for the rest a moment later, and only then a deal is shown.
DEALS: Final = sql.Table(
    "deals",
    META,
    sql.Column("deal", sql.String(66), primary_key=True),
    sql.Column("block", sql.Integer, nullable=False, index=True),
    sql.Column("event", sql.LargeBinary, nullable=False),
    sql.Column("document", sql.LargeBinary),  # as it is shown; NULL until the hub was asked
    sql.Column("time", sql.Integer),  # Unix seconds
    sql.Column("volume", sql.String),  # decimal: more than SQLite's 64 bits may be
    sql.Column("pool_price", sql.String),
    sql.Column("category", sql.Integer),
    *(
        sql.Column(name, sql.String(42))
        for name in (
            "requester",
            "beneficiary",
            "app",
            "dataset",
            "workerpool",
            "app_owner",
            "dataset_owner",
            "workerpool_owner",
        )
    ),
    *(sql.Column(name, sql.String(66)) for name in ("app_hash", "dataset_hash", "workerpool_hash", "request_hash")),
    *(sql.Index(f"deals_by_{name}", name, sql.desc("block"), "deal", sqlite_where=_SHOWN) for name in FOUND_BY),
    sql.Index("deals_by_block", sql.desc("block"), "deal", sqlite_where=_SHOWN),
    sql.Index("deals_to_describe", "block", sqlite_where=sql.text("document IS NULL")),
)
