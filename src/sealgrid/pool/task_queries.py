"""SQL of a pool's store (see ``sql_pool_store``) on the tables of ``tables``."""

from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sql

from sealgrid.poco.tags import TEE_BIT, bits
from sealgrid.pool.matching import MAX_TAG, price_per_second, start_by
from sealgrid.pool.pool_store import QueueQuery
from sealgrid.pool.tables import AGREEMENTS, COPY, DEAL, FAILURES, HISTORY, KNOWN_WORKER, LEADER, SPARE, TASK
from sealgrid.wire.pool import WorkerCapabilities


def _parameter(name: str) -> sql.BindParameter[Any]:
    return sql.bindparam(name)


def bounds(query: QueueQuery) -> dict[str, object]:
    """Return the parameters of the statement of a query."""
    bounds: dict[str, object] = {"closing": query.closing_after, "limit": query.limit, "start_by": query.start_by}
    if (after := query.after) is not None:
        bounds |= {
            "after_start_by": start_by(after.deal),
            "after_price": -price_per_second(after.deal),
            "after_virtual_start": after.task.virtual_start,
            "after_place": after.place,
        }
    return bounds


@lru_cache(maxsize=256)
def assignable(capabilities: tuple[WorkerCapabilities, ...], *, urgent: bool, paged: bool) -> sql.Select[Any]:
    """Return the statement of a query; the database skips what fits none of its workers."""
    wanted = [TASK.c.ready, TASK.c.deadline > _parameter("closing"), sql.or_(*map(_fits, capabilities))]
    order = [TASK.c.start_by] if urgent else [TASK.c.price, TASK.c.virtual_start]
    order.append(TASK.c.place)
    if urgent:
        wanted.append(TASK.c.start_by <= _parameter("start_by"))
    if paged:
        after = (sql.bindparam(f"after_{column.name}", type_=column.type) for column in order)
        wanted.append(sql.tuple_(*order) > sql.tuple_(*after))
    return _limited(STORED.where(*wanted), *order).with_for_update(skip_locked=True, of=TASK)


@lru_cache(maxsize=256)
def spare(capabilities: tuple[WorkerCapabilities, ...]) -> sql.Select[Any]:
    """Return the statement for tasks that idle workers may compute, too; few tasks are."""
    wanted = [TASK.c.deadline > _parameter("closing"), sql.or_(*map(_fits, capabilities))]
    joined = STORED.join(SPARE, SPARE.c.task == TASK.c.task).where(*wanted)
    return _limited(joined, TASK.c.place).with_for_update(skip_locked=True, of=TASK)


def _fits(capabilities: WorkerCapabilities) -> sql.ColumnElement[bool]:
    """Return the condition of ``matching.fits``."""
    missing = ~bits(capabilities.tag) & (MAX_TAG - 1)
    conditions = [TASK.c.tag >= 0, TASK.c.tag.bitwise_and(missing) == 0]
    if capabilities.enclaves_only:
        conditions.append(TASK.c.tag.bitwise_and(bits(TEE_BIT)) != 0)
    if capabilities.memory:
        conditions.append(TASK.c.memory <= capabilities.memory)
    if capabilities.apps:
        conditions.append(TASK.c.app.in_(capabilities.apps))
    if capabilities.requesters:
        conditions.append(TASK.c.requester.in_(capabilities.requesters))
    return sql.and_(*conditions)


def _limited(query: sql.Select[Any], *order: sql.ColumnElement[Any]) -> sql.Select[Any]:
    return query.order_by(*order).limit(sql.bindparam("limit", type_=sql.Integer))


NOTIFY: Final = sql.text("SELECT pg_notify(:channel, :text)")
BEGIN_EPOCH: Final = LEADER.update().values(epoch=LEADER.c.epoch + 1).returning(LEADER.c.epoch)
EPOCH: Final = sql.select(LEADER.c.epoch).with_for_update(read=True)
_SOME: Final[sql.BindParameter[Any]] = sql.bindparam("some", expanding=True)
ROW: Final = (TASK.c.task, TASK.c.doc, TASK.c.last_report, TASK.c.stage_since)
ONE_TASK: Final = sql.select(*ROW).where(TASK.c.task == _parameter("one"))
ONE_ENDED: Final = sql.select(HISTORY.c.doc).where(HISTORY.c.task == _parameter("one"))
ONE_DEAL: Final = sql.select(DEAL.c.doc).where(DEAL.c.deal == _parameter("one"))
TASKS: Final = sql.select(*ROW).where(TASK.c.task.in_(_SOME)).order_by(TASK.c.task).with_for_update()
ENDED_TASKS: Final = sql.select(HISTORY.c.task, HISTORY.c.doc).where(HISTORY.c.task.in_(_SOME))
DEALS: Final = sql.select(DEAL.c.deal, DEAL.c.doc).where(DEAL.c.deal.in_(_SOME))
ENDED_SINCE: Final = (
    sql.select(HISTORY.c.stage, sql.func.count().label("n"))
    .where(HISTORY.c.ended_at >= _parameter("since"))
    .group_by(HISTORY.c.stage)
)
OF_WORKERS: Final = sql.select(*ROW).where(TASK.c.worker.in_(_SOME))
COPIED: Final = sql.select(*ROW).join(COPY, COPY.c.task == TASK.c.task)
COPIES_OF_WORKERS: Final = COPIED.where(COPY.c.worker.in_(_SOME))
REMOVE_SPARE: Final = SPARE.delete().where(SPARE.c.task == _parameter("one"))
SLOW_TASKS: Final = sql.select(TASK.c.task, TASK.c.deal).where(
    TASK.c.worker.is_not(None),
    TASK.c.stage_since <= _parameter("since"),
    TASK.c.task.not_in(sql.select(SPARE.c.task)),
)
ONE_MORE_OF_DEAL: Final = (
    sql.select(TASK.c.task)
    .where(TASK.c.deal == _parameter("deal"))
    .limit(1)
    .offset(sql.bindparam("offset", type_=sql.Integer))
)
REMOVE_COPIES: Final = COPY.delete().where(COPY.c.task == _parameter("one"))
#: Without a join: PostgreSQL would sort the whole queue first while its statistics say that it is short.
STORED: Final = sql.select(*ROW, TASK.c.place, TASK.c.deal)
NEXT_BACKLOG: Final = (
    sql.select(TASK.c.requester, TASK.c.app)
    .where(
        TASK.c.in_backlog,
        sql.tuple_(TASK.c.requester, TASK.c.app) > sql.tuple_(_parameter("requester"), _parameter("app")),
    )
    .order_by(TASK.c.requester, TASK.c.app)
    .limit(1)
)
BACKLOG_TASKS: Final = _limited(
    STORED.where(TASK.c.in_backlog, TASK.c.requester == _parameter("requester"), TASK.c.app == _parameter("app")),
    TASK.c.start_by,
    TASK.c.place,
).with_for_update(skip_locked=True, of=TASK)
COUNT: Final = sql.select(sql.func.count()).select_from(TASK)
COUNT_BACKLOG, COUNT_READY = COUNT.where(TASK.c.in_backlog), COUNT.where(TASK.c.ready, TASK.c.worker.is_(None))
COUNT_WORKING: Final = COUNT.where(TASK.c.worker.is_not(None))
OPEN_OF_REQUESTER: Final = COUNT.where(TASK.c.queued, TASK.c.requester == _parameter("one"))
OPEN_OF_APP: Final = COUNT.where(TASK.c.queued, TASK.c.app == _parameter("one"))
LAST_START: Final = sql.select(sql.func.max(TASK.c.virtual_start)).where(
    TASK.c.queued, TASK.c.price == _parameter("price")
)
LAST_START_OF_REQUESTER: Final = LAST_START.where(TASK.c.requester == _parameter("one"))
FIRST_START: Final = sql.select(sql.func.min(TASK.c.virtual_start)).where(
    TASK.c.ready, TASK.c.price == _parameter("price")
)
WORKER: Final = sql.select(KNOWN_WORKER.c.worker, KNOWN_WORKER.c.requested_at, KNOWN_WORKER.c.doc)
WORKERS: Final = WORKER.where(KNOWN_WORKER.c.worker.in_(_SOME)).order_by(KNOWN_WORKER.c.worker).with_for_update()
ACTIVE: Final = _limited(
    WORKER.where(KNOWN_WORKER.c.requested_at > _parameter("since")),
    KNOWN_WORKER.c.requested_at.desc(),
    KNOWN_WORKER.c.worker,
)
REMOVE_FAILURES: Final = FAILURES.delete().where(
    FAILURES.c.worker == _parameter("one"), FAILURES.c.app == _parameter("other")
)
OF_WORKER_AND_APP: Final = (AGREEMENTS.c.worker == _parameter("one"), AGREEMENTS.c.app == _parameter("other"))
AGREEMENT_COUNT: Final = sql.select(AGREEMENTS.c.results).where(*OF_WORKER_AND_APP)
REMOVE_AGREEMENTS: Final = AGREEMENTS.delete().where(*OF_WORKER_AND_APP)
FAILURES_OF_WORKERS: Final = sql.select(FAILURES).where(FAILURES.c.worker.in_(_SOME))
EXPIRED: Final = _limited(sql.select(TASK.c.task).where(TASK.c.lease_until <= _parameter("now")), TASK.c.lease_until)
OVERDUE: Final = _limited(sql.select(TASK.c.task).where(TASK.c.deadline <= _parameter("now")), TASK.c.deadline)
CALLS: Final = _limited(
    sql.select(TASK.c.task).where(
        TASK.c.call.is_not(None), TASK.c.call == _parameter("kind"), TASK.c.call_after <= _parameter("now")
    ),
    TASK.c.call_after,
    TASK.c.place,
)
REFUSALS: Final = _limited(sql.select(TASK.c.task).where(TASK.c.refusal != sql.literal_column("''")), TASK.c.place)
#: The names of the parameters are those of the columns that it sets.
UPDATE_TASK: Final = TASK.update().where(TASK.c.task == _parameter("one"))
DELETE_TASK: Final = TASK.delete().where(TASK.c.task == _parameter("one"))
RENEW: Final = (
    TASK.update()
    .where(TASK.c.lease_until.is_not(None))
    .values(
        last_report=_parameter("at"),
        stage_since=_parameter("at"),
        # ``step.lease_until``: a task without a worker has a lease while workers contribute.
        lease_until=sql.case((TASK.c.worker.is_(None), _parameter("contributing")), else_=_parameter("working")),
    )
)
