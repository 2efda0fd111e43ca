"""Schema of the chain index: assets, deals, tasks, and the events that they are derived from."""

from typing import Final

import sqlalchemy as sql

from sealgrid.receipts.run_record import CountedEnd

MAX_LISTED_TASKS: Final = 1000  #: tasks of one deal listed at its match; the others are never listed
META = sql.MetaData()
COUNTED_ENDS: Final[tuple[CountedEnd, ...]] = ("answers", "failures", "refusals", "proofs")
IS_TIMED: Final = sql.text("exit_class = 'ok' AND first_of_deal")  #: the tasks whose duration is that of an answer

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
    # Counts of the asset's tasks, kept as their states change: completed ones, and those with a verified receipt.
    *(sql.Column(name, sql.Integer, nullable=False, server_default="0") for name in ("runs", *COUNTED_ENDS)),
    sql.Index("assets_by_use", "kind", sql.desc("runs"), sql.desc("block"), "address"),
    sql.Index("assets_by_checksum", "checksum"),
    sql.Index("assets_by_multiaddr", "multiaddr"),
    sql.Index("assets_by_owner", "owner", "kind"),
)

#: What lists say about assets (summaries.py): from bundles and sealed files, with the cheapest offer of the market.
#: It is read after the asset was indexed, and may be missing.
summaries = sql.Table(
    "summaries",
    META,
    sql.Column("address", sql.String(42), primary_key=True),
    sql.Column("reader_owner", sql.String(42), nullable=False),  # the asset's owner when it was read
    *(
        sql.Column(name, sql.String, nullable=False, server_default="")
        for name in ("title", "text", "takes", "gives", "example", "tags", "format", "searched")
    ),
    sql.Column("tries", sql.Integer, nullable=False, server_default="0"),  # that failed
    sql.Column("due", sql.Integer),  # when to read it again, Unix seconds; NULL: it was read
    sql.Column("price", sql.Integer),  # of the cheapest offer, nRLC; NULL: not offered
    sql.Column("app", sql.String(42)),  # the only app of that offer of a model
    sql.Column("ends", sql.Integer),  # of a model's policy, Unix seconds; NULL: none, or unknown
    sql.Column("price_read", sql.Integer, nullable=False, server_default="0"),  # Unix seconds
    sql.Index("summaries_by_due", "due"),
    sql.Index("summaries_by_price_read", "price_read"),
    sql.Index("summaries_by_app", "app"),
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
    sql.Column("proof", sql.Boolean, nullable=False),  # that a key opens its model: the owner's run, without input
    sql.Column("first_of_deal", sql.Boolean, nullable=False),  # the others of a deal wait for it
    sql.Column("cold", sql.Boolean),  # of a completed task: the first of its worker with this app and dataset
    sql.Column("worker", sql.String(42)),  # of a completed task
    sql.Column("exit_class", sql.String(10)),  # of a verified receipt; NULL before
    sql.Column("receipt_tries", sql.Integer, nullable=False, server_default="0"),
    sql.Column("receipt_due", sql.Integer),  # of a completed task without one: when to try again, Unix seconds
    sql.Index("tasks_by_receipt", "receipt_due", sqlite_where=sql.text("receipt_due IS NOT NULL")),
    sql.Index("tasks_by_worker", "worker", "app", "dataset"),
    *(
        sql.Index(f"times_of_{party}", party, "cold", sql.desc("time"), "ended", sqlite_where=IS_TIMED)
        for party in ("app", "dataset", "workerpool")
    ),
    sql.Index("tasks_by_time", "time", "task"),
    sql.Index("tasks_by_app", "app", "state"),
    sql.Index("tasks_by_dataset", "dataset", "state"),
    sql.Index("tasks_by_workerpool", "workerpool", "state"),
    sql.Index("tasks_of_app", "app", "time", "task"),
    sql.Index("tasks_of_dataset", "dataset", "time", "task"),
    sql.Index("tasks_of_workerpool", "workerpool", "time", "task"),
    sql.Index("tasks_of_requester", "requester", "time", "task"),
    sql.Index("ended_tasks_of_requester", "requester", "ended"),
    sql.Index("tasks_by_state", "state", "time"),
    sql.Index("tasks_by_exit_class", "exit_class", "time"),
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
