"""Schema of the chain index: assets, deals, tasks, and the events that they are derived from."""

from typing import Final

import sqlalchemy as sql

MAX_LISTED_TASKS: Final = 1000  #: tasks of one deal listed at its match; the others are never listed
META = sql.MetaData()

assets = sql.Table(
    "assets",
    META,
    sql.Column("address", sql.String(42), primary_key=True),
    sql.Column("kind", sql.String(10), nullable=False),
    sql.Column("owner", sql.String(42), nullable=False),
    sql.Column("name", sql.String, nullable=False),
    sql.Column("multiaddr", sql.String, nullable=False),
    sql.Column("checksum", sql.String(66), nullable=False),
    sql.Column("block", sql.Integer, nullable=False),
    sql.Column("time", sql.Integer, nullable=False),
    sql.Column(
        "runs", sql.Integer, nullable=False, server_default="0"
    ),  # completed tasks, counted as task states change
    sql.Index("assets_by_use", "kind", sql.desc("runs"), sql.desc("block"), "address"),
    sql.Index("assets_by_checksum", "checksum"),
    sql.Index("assets_by_multiaddr", "multiaddr"),
    sql.Index("assets_by_owner", "owner", "kind"),
)

#: Owners of an asset, by transfer, its creation included: a reorganisation restores the previous one.
owners = sql.Table(
    "owners",
    META,
    sql.Column("block", sql.Integer, nullable=False),
    sql.Column("position", sql.Integer, nullable=False),
    sql.Column("asset", sql.String(42), nullable=False),
    sql.Column("owner", sql.String(42), nullable=False),
    sql.PrimaryKeyConstraint("block", "position"),
    sql.Index("owners_by_asset", "asset", "block", "position"),
)

deals = sql.Table(
    "deals",
    META,
    sql.Column("deal", sql.String(66), primary_key=True),
    sql.Column("app", sql.String(42), nullable=False),
    sql.Column("dataset", sql.String(42), nullable=False),
    sql.Column("workerpool", sql.String(42), nullable=False),
    sql.Column("requester", sql.String(42), nullable=False),
    sql.Column("sponsor", sql.String(42), nullable=False),  # pays and is refunded; usually the requester
    sql.Column("app_price", sql.Integer, nullable=False),
    sql.Column("dataset_price", sql.Integer, nullable=False),
    sql.Column("pool_price", sql.Integer, nullable=False),
    sql.Column("category", sql.Integer, nullable=False),
    sql.Column("callback", sql.String(42), nullable=False),
    sql.Column("bot_first", sql.Integer, nullable=False),
    sql.Column("bot_size", sql.Integer, nullable=False),
    sql.Column("final_deadline", sql.Integer, nullable=False),
    sql.Column("transaction", sql.String(66), nullable=False),  # of the match
    sql.Column("block", sql.Integer, nullable=False),
    sql.Column("time", sql.Integer, nullable=False),
    sql.Index("deals_by_category", "category", "time", "pool_price"),
)

tasks = sql.Table(
    "tasks",
    META,
    sql.Column("task", sql.String(66), primary_key=True),
    sql.Column("deal", sql.String(66), nullable=False, index=True),
    sql.Column("position", sql.Integer, nullable=False),
    sql.Column("app", sql.String(42), nullable=False),
    sql.Column("dataset", sql.String(42), nullable=False),
    sql.Column("workerpool", sql.String(42), nullable=False),
    sql.Column("requester", sql.String(42), nullable=False),
    sql.Column("state", sql.String(10), nullable=False),
    sql.Column("block", sql.Integer, nullable=False),
    sql.Column("time", sql.Integer, nullable=False),
    sql.Column("ended", sql.Integer),
    sql.Index("tasks_by_time", "time", "task"),
    sql.Index("tasks_by_app", "app", "state"),
    sql.Index("tasks_by_dataset", "dataset", "state"),
    sql.Index("tasks_by_workerpool", "workerpool", "state"),
    sql.Index("tasks_of_app", "app", "time", "task"),
    sql.Index("tasks_of_dataset", "dataset", "time", "task"),
    sql.Index("tasks_of_workerpool", "workerpool", "time", "task"),
    sql.Index("tasks_of_requester", "requester", "time", "task"),
    sql.Index("tasks_by_state", "state", "time"),
)

steps = sql.Table(
    "steps",
    META,
    sql.Column("block", sql.Integer, nullable=False),
    sql.Column("position", sql.Integer, nullable=False),
    sql.Column("task", sql.String(66), nullable=False),
    sql.Column("kind", sql.String(20), nullable=False),
    sql.Column("account", sql.String(42), nullable=False),
    sql.Column("amount", sql.Integer, nullable=False),
    sql.Column("transaction", sql.String(66), nullable=False),
    sql.Column("time", sql.Integer, nullable=False),
    sql.PrimaryKeyConstraint("block", "position"),
    sql.Index("steps_by_task", "task", "block", "position"),
    sql.Index("steps_by_account", "account", "kind", "time", "amount"),  # covers the sum of amounts
)

progress = sql.Table(
    "progress",
    META,
    sql.Column("one", sql.Integer, primary_key=True),
    sql.Column("genesis", sql.String(66), nullable=False),
    sql.Column("trail", sql.LargeBinary, nullable=False),
)
