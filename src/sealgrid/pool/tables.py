"""Tables of a pool's database, the same on SQLite and PostgreSQL. A market's tables may be beside them.

Columns of ``task`` are what statements search and overwrite; ``doc`` is the whole task. A partial index for each search
holds only the rows that it can find: its cost does not depend on the other tasks.
"""

from typing import Final

import sqlalchemy as sql

META: Final = sql.MetaData()
_PLACE: Final = sql.BigInteger().with_variant(sql.Integer, "sqlite")  # SQLite numbers INTEGER primary keys alone

TASK: Final = sql.Table(
    "pool_task",
    META,
    sql.Column("place", _PLACE, primary_key=True, autoincrement=True),  #: in the queue: order of arrival
    sql.Column("task", sql.String(66), nullable=False, unique=True),
    sql.Column("deal", sql.String(66), nullable=False, index=True),
    sql.Column("requester", sql.String(42), nullable=False),
    sql.Column("app", sql.String(42), nullable=False),
    sql.Column("in_backlog", sql.Boolean, nullable=False),  #: whether it is in the backlog of its requester
    sql.Column("queued", sql.Boolean, nullable=False),  #: whether it is in the queue or with a worker
    sql.Column("ready", sql.Boolean, nullable=False),  #: whether it waits for a worker in the queue
    sql.Column("start_by", sql.BigInteger, nullable=False),  #: the latest time to start, by the chain's clock
    sql.Column("price", sql.Float, nullable=False),  #: nRLC per second, negative: the highest is first
    sql.Column("virtual_start", sql.Float, nullable=False),  #: seconds that its requester had before it, at this price
    sql.Column("tag", sql.BigInteger, nullable=False),  #: bits that its worker must meet
    sql.Column("memory", sql.BigInteger, nullable=False),  #: bytes that the app may use; 0 if unknown
    sql.Column("deadline", sql.BigInteger),  #: the next one that changes it, by the chain's clock
    sql.Column("worker", sql.String(42)),
    sql.Column("last_report", sql.Float, nullable=False),
    sql.Column("stage_since", sql.Float, nullable=False),
    sql.Column("lease_until", sql.Float),
    sql.Column("call", sql.String(32)),  #: the chain call that it needs and no transaction carries
    sql.Column("call_after", sql.Float, nullable=False),
    sql.Column("refusal", sql.String(16), nullable=False),  #: reported check, until the vaults answered
    sql.Column("doc", sql.LargeBinary, nullable=False),
)


def _partial(name: str, condition: sql.ColumnElement[bool], *columns: sql.Column[object]) -> None:
    # SQLite uses a partial index only for its very condition, and statements say "column = 1" there.
    same = sql.text(f"{condition.name} = 1") if isinstance(condition, sql.Column) else condition
    sql.Index(name, *columns, sqlite_where=same, postgresql_where=condition)


_partial("pool_task_backlog", TASK.c.in_backlog, TASK.c.requester, TASK.c.app, TASK.c.start_by, TASK.c.place)
_partial("pool_task_ready", TASK.c.ready, TASK.c.price, TASK.c.virtual_start, TASK.c.place)
_partial("pool_task_urgent", TASK.c.ready, TASK.c.start_by, TASK.c.place)
_partial("pool_task_requester", TASK.c.queued, TASK.c.requester, TASK.c.price, TASK.c.virtual_start)
_partial("pool_task_app", TASK.c.queued, TASK.c.app)
_partial("pool_task_virtual_start", TASK.c.queued, TASK.c.price, TASK.c.virtual_start)
_partial("pool_task_worker", TASK.c.worker.is_not(None), TASK.c.worker)
_partial("pool_task_lease", TASK.c.lease_until.is_not(None), TASK.c.lease_until)
_partial("pool_task_deadline", TASK.c.deadline.is_not(None), TASK.c.deadline)
_partial("pool_task_call", TASK.c.call.is_not(None), TASK.c.call, TASK.c.call_after, TASK.c.place)
_partial("pool_task_refusal", TASK.c.refusal != "", TASK.c.place)

#: Workers that have a task beside its first worker, as in its document.
COPY: Final = sql.Table(
    "pool_copy",
    META,
    sql.Column("task", sql.String(66), primary_key=True),
    sql.Column("worker", sql.String(42), primary_key=True, index=True),
)

#: Tasks that an idle worker may compute beside the worker that has them.
SPARE: Final = sql.Table("pool_spare", META, sql.Column("task", sql.String(66), primary_key=True))

#: Workers, each as it requested a job last; a claim locks the rows of its workers.
KNOWN_WORKER: Final = sql.Table(
    "pool_known_worker",
    META,
    sql.Column("worker", sql.String(42), primary_key=True),
    sql.Column("requested_at", sql.Float, nullable=False, index=True),
    sql.Column("doc", sql.LargeBinary, nullable=False),
)

#: Tasks of an app that a worker lost since it last completed one.
FAILURES: Final = sql.Table(
    "pool_failures",
    META,
    sql.Column("worker", sql.String(42), primary_key=True),
    sql.Column("app", sql.String(42), primary_key=True),
    sql.Column("losses", sql.Integer, nullable=False),
    sql.Column("at", sql.Float, nullable=False),
)

#: Results of an app on which a worker agreed with others, in a row; only tasks without a TEE count.
AGREEMENTS: Final = sql.Table(
    "pool_agreements",
    META,
    sql.Column("worker", sql.String(42), primary_key=True),
    sql.Column("app", sql.String(42), primary_key=True),
    sql.Column("results", sql.Integer, nullable=False),
    sql.Column("at", sql.Float, nullable=False),
)

#: Tasks that have ended, each with its stages, until they are forgotten.
HISTORY: Final = sql.Table(
    "pool_history",
    META,
    sql.Column("task", sql.String(66), primary_key=True),
    sql.Column("deal", sql.String(66), nullable=False, index=True),
    sql.Column("ended_at", sql.Float, nullable=False, index=True),
    sql.Column("stage", sql.String(16), nullable=False),
    sql.Column("doc", sql.LargeBinary, nullable=False),
)

DEAL: Final = sql.Table(
    "pool_deal",
    META,
    sql.Column("deal", sql.String(66), primary_key=True),
    sql.Column("final_deadline", sql.BigInteger, nullable=False, index=True),
    sql.Column("doc", sql.LargeBinary, nullable=False),
)

#: Transactions of the pool's account that have not ended, by nonce.
TRANSACTION: Final = sql.Table(
    "pool_tx",
    META,
    sql.Column("nonce", sql.BigInteger, primary_key=True, autoincrement=False),
    sql.Column("doc", sql.LargeBinary, nullable=False),
)

#: One row: the blocks that were read.
TRAIL: Final = sql.Table(
    "pool_trail",
    META,
    sql.Column("one", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("doc", sql.LargeBinary, nullable=False),
)

#: One row: the number of the present leader. What an earlier one still does is refused.
LEADER: Final = sql.Table(
    "pool_leader",
    META,
    sql.Column("one", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("epoch", sql.BigInteger, nullable=False),
)

#: Workers that an invitation admitted, or that the owner removed.
WORKER: Final = sql.Table(
    "pool_worker",
    META,
    sql.Column("worker", sql.String(42), primary_key=True),
    sql.Column(
        "nonce", sql.String(66), nullable=False, unique=True
    ),  #: of the invitation; the worker's address if none
    sql.Column("admitted", sql.Float),
    sql.Column("removed", sql.Float),
)
