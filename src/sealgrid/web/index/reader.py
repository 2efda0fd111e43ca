"""Read queries of the pages on the chain index. Each query is served by an SQLite index (tables.py)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sql

from sealgrid.chain.blocks import BlockTrail
from sealgrid.receipts.receipt import ExitClass
from sealgrid.receipts.run_record import RunRecord, RunTimes
from sealgrid.sdk.operations.run_sums import SumBy
from sealgrid.units import Address, Digest
from sealgrid.web.index.tables import IS_TIMED, assets, deals, progress, steps, tasks
from sealgrid.wire.chain_view import FileAddresses

PAGE_SIZE: Final = 24
MAX_SUMMED: Final = 20_000  #: tasks that sums count, the newest: a page must answer for an account with any number
MAX_SUMS: Final = 120  #: lines of a table of sums: ten years of months
CARDS_PER_PAGE: Final = 12  #: each card needs a request to the market
RECENT_ANSWERS: Final = 50  #: whose durations count, cold and warm ones each
MAX_VERSIONS: Final = 1000
RECENT_TASKS: Final = 200  #: tasks of a pool whose workers count as its machines
Rows = Sequence[sql.Row[Any]]
Party = Literal["app", "dataset", "workerpool", "requester"]


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Conditions of a task list."""

    parties: dict[Party, Address] = field(default_factory=dict)
    state: str = ""
    exit_classes: tuple[ExitClass | None, ...] = ()  #: of verified receipts; None is none so far
    since: int | None = None  #: of the purchase, Unix seconds
    until: int | None = None  #: exclusive


#: kinds of sums, as ``sealgrid.sdk.operations.run_sums`` has them
_SUM_KEYS: Final[dict[SumBy, sql.ColumnElement[Any]]] = {
    "app": tasks.c.app,
    "model": tasks.c.dataset,
    "buyer": tasks.c.requester,
    "month": sql.func.strftime("%Y-%m", tasks.c.time, "unixepoch"),
    "state": sql.case(
        (tasks.c.state == "completed", sql.func.coalesce(tasks.c.exit_class, "paid")), else_=tasks.c.state
    ),
}
_PRICE: Final = deals.c.app_price + deals.c.dataset_price + deals.c.pool_price
_PRICED_TASKS: Final = tasks.join(deals, deals.c.deal == tasks.c.deal)
_PAID_TASKS: Final = steps.join(tasks, tasks.c.task == steps.c.task)


def _latest_answers(party: Party, *, cold: bool) -> sql.Select[Any]:
    query = sql.select(tasks.c.cold, tasks.c.ended - tasks.c.time).where(
        tasks.c[party] == sql.bindparam("address"), tasks.c.cold.is_(cold), IS_TIMED
    )
    return sql.select(query.order_by(tasks.c.time.desc()).limit(RECENT_ANSWERS).subquery())


_RECORDED: Final[tuple[Party, ...]] = ("app", "dataset", "workerpool")
#: ``runs`` of an asset already counts completed tasks, which are most of them
_STATE_COUNTS: Final = {
    party: sql.select(tasks.c.state, sql.func.count().label("n"))
    .where(tasks.c[party] == sql.bindparam("address"), tasks.c.state.in_(("refunded", "waiting", "running")))
    .group_by(tasks.c.state)
    for party in _RECORDED
}
_DURATIONS: Final = {
    party: sql.union_all(_latest_answers(party, cold=True), _latest_answers(party, cold=False)) for party in _RECORDED
}


def _is_payment_to(account: Address) -> sql.ColumnElement[bool]:
    return (steps.c.account == account) & (steps.c.kind == "reward") & (steps.c.amount > 0)


def _where(query: sql.Select[Any], conditions: TaskFilter) -> sql.Select[Any]:
    for party, address in conditions.parties.items():
        query = query.where(tasks.c[party] == address)
    if conditions.state:
        query = query.where(tasks.c.state == conditions.state)
    if None in conditions.exit_classes:
        query = query.where(tasks.c.receipt_due.is_not(None))
    elif conditions.exit_classes:
        query = query.where(tasks.c.exit_class.in_(conditions.exit_classes))
    if conditions.since is not None:
        query = query.where(tasks.c.time >= conditions.since)
    if conditions.until is not None:
        query = query.where(tasks.c.time < conditions.until)
    return query


class IndexReader:
    """Read-only access to the index."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def height(self) -> int:
        """Return the number of the newest indexed block; -1 before the first."""
        with self._engine.connect() as connection:
            body = connection.scalar(sql.select(progress.c.trail))
        return -1 if body is None else msgspec.json.decode(body, type=BlockTrail).next_number - 1

    def counts(self) -> dict[str, int]:
        """Return the number of assets of each kind, and of verified answers."""
        with self._engine.connect() as connection:
            by_kind = connection.execute(sql.select(assets.c.kind, sql.func.count().label("n")).group_by(assets.c.kind))
            answers = connection.scalar(sql.select(sql.func.sum(assets.c.answers)).where(assets.c.kind == "App"))
            return {row.kind: row.n for row in by_kind} | {"answers": answers or 0}

    def assets(self, kind: str, *, search: str = "", owner: str = "", page: int = 0, size: int = PAGE_SIZE) -> Rows:
        """Return a page of assets of a kind, the most used first, and one row more if there is a next page."""
        query = sql.select(assets).where(assets.c.kind == kind)
        if search:
            query = query.where(assets.c.name.icontains(search, autoescape=True) | (assets.c.address == search.lower()))
        if owner:
            query = query.where(assets.c.owner == owner)
        ordered = query.order_by(assets.c.runs.desc(), assets.c.block.desc(), assets.c.address)
        return self._all(ordered.limit(size + 1).offset(page * size))

    def asset(self, address: Address) -> sql.Row[Any] | None:
        """Return one asset; None if unknown."""
        return self._one(sql.select(assets).where(assets.c.address == address))

    def versions(self, kind: str, owner: Address, base: str) -> Rows:
        """Return the assets of an owner that are named ``base`` or ``base@…``, the newest first; 1000 at most."""
        named = (assets.c.name == base) | assets.c.name.startswith(f"{base}@", autoescape=True)
        query = sql.select(assets).where(assets.c.kind == kind, assets.c.owner == owner, named)
        return self._all(query.order_by(assets.c.block.desc(), assets.c.address).limit(MAX_VERSIONS))

    def with_checksums(self, kind: str, checksums: Collection[str]) -> Rows:
        """Return the assets of a kind with one of these checksums."""
        return self._all(sql.select(assets).where(assets.c.kind == kind, assets.c.checksum.in_(checksums)))

    def named_files(self, files: Sequence[FileAddresses]) -> tuple[Digest, ...]:
        """Return the files that an app or dataset on the chain names, by multiaddress or checksum."""
        digests = {f"/ipfs/{cid}": file.sha256 for file in files for cid in file.cids}
        checksums = [file.sha256 for file in files]
        with self._engine.connect() as connection:
            by_address = connection.scalars(
                sql.select(assets.c.multiaddr).where(assets.c.multiaddr.in_(list(digests)))
            ).all()
            by_checksum = connection.scalars(
                sql.select(assets.c.checksum).where(assets.c.kind == "Dataset", assets.c.checksum.in_(checksums))
            ).all()
        return tuple(sorted({digests[multiaddr] for multiaddr in by_address} | {Digest(each) for each in by_checksum}))

    def names(self, addresses: set[str]) -> dict[str, str]:
        """Return the public names of assets, by address."""
        query = sql.select(assets.c.address, assets.c.name).where(assets.c.address.in_(addresses))
        return {row.address: row.name for row in self._all(query)}

    def record(self, party: Party, asset: sql.Row[Any]) -> RunRecord:
        """Return how the tasks of an asset ended, with the durations of its latest answers."""
        with self._engine.connect() as connection:
            found = connection.execute(_STATE_COUNTS[party], {"address": asset.address})
            counts = {row.state: row.n for row in found}
            durations = connection.execute(_DURATIONS[party], {"address": asset.address}).all()
        return RunRecord(
            answers=asset.answers,
            failures=asset.failures,
            refusals=asset.refusals,
            unverified=asset.runs - asset.answers - asset.failures - asset.refusals,
            refunded=counts.get("refunded", 0),
            open=counts.get("waiting", 0) + counts.get("running", 0),
            cold=RunTimes.of(seconds for is_cold, seconds in durations if is_cold),
            warm=RunTimes.of(seconds for is_cold, seconds in durations if not is_cold),
        )

    def tasks(self, conditions: TaskFilter, *, page: int = 0, size: int = PAGE_SIZE) -> Rows:
        """Return a page of tasks with their prices, the newest first, and one row more if there is a next page."""
        query = _where(sql.select(tasks, _PRICE.label("amount")).select_from(_PRICED_TASKS), conditions)
        return self._all(query.order_by(tasks.c.time.desc(), tasks.c.task).limit(size + 1).offset(page * size))

    def machines(self, pool: Address, recent: int = RECENT_TASKS) -> Rows:
        """Return the workers of a pool's recent ended tasks, the busiest first: worker, tasks, completed, last."""
        ended = tasks.c.state.in_(("completed", "refunded"))
        newest = (
            sql.select(tasks.c.task, tasks.c.state)
            .where(tasks.c.workerpool == pool, ended)
            .order_by(tasks.c.time.desc(), tasks.c.task)
            .limit(recent)
            .subquery()
        )
        count, completed = sql.func.count(newest.c.task.distinct()), newest.c.state == "completed"
        query = (
            sql.select(
                steps.c.account.label("worker"),
                count.label("tasks"),
                count.filter(completed).label("completed"),
                sql.func.max(steps.c.time).label("last"),
            )
            .join(newest, newest.c.task == steps.c.task)
            .where(steps.c.kind == "contribute")
            .group_by(steps.c.account)
        )
        return self._all(query.order_by(count.desc(), steps.c.account))

    def task(self, task: str) -> sql.Row[Any] | None:
        """Return one task with its deal's prices and sponsor; None if unknown."""
        prices = (
            deals.c.app_price,
            deals.c.dataset_price,
            deals.c.pool_price,
            deals.c.callback,
            deals.c.category,
            deals.c.final_deadline,
            deals.c.bot_size,
            deals.c.sponsor,
            deals.c.transaction,
        )
        return self._one(
            sql.select(tasks, *prices).join(deals, deals.c.deal == tasks.c.deal).where(tasks.c.task == task)
        )

    def steps(self, task: str) -> Rows:
        """Return the chain events of a task, in their order."""
        return self._all(sql.select(steps).where(steps.c.task == task).order_by(steps.c.block, steps.c.position))

    def uses(self, party: Party, address: Address, since: int) -> list[int]:
        """Return the times of an asset's tasks since a time, Unix seconds."""
        query = sql.select(tasks.c.time).where(tasks.c[party] == address, tasks.c.time >= since)
        return [row.time for row in self._all(query.order_by(tasks.c.time).limit(10_000))]

    def pool_prices(self, category: int, limit: int = 200) -> Rows:
        """Return the latest prices of pools in a category's deals, oldest first."""
        query = sql.select(deals.c.time, deals.c.pool_price).where(deals.c.category == category)
        return list(reversed(self._all(query.order_by(deals.c.time.desc()).limit(limit))))

    def rewards(self, account: Address, limit: int = 50) -> Rows:
        """Return an account's latest rewards."""
        query = sql.select(steps).where(steps.c.account == account, steps.c.kind == "reward", steps.c.amount > 0)
        return self._all(query.order_by(steps.c.time.desc()).limit(limit))

    def payments(self, account: Address, conditions: TaskFilter, *, page: int = 0, size: int = PAGE_SIZE) -> Rows:
        """Return a page of an account's payments with their tasks, as ``tasks``."""
        query = sql.select(tasks, steps.c.amount).select_from(_PAID_TASKS)
        query = _where(query.where(_is_payment_to(account)), conditions)
        return self._all(query.order_by(steps.c.time.desc(), steps.c.task).limit(size + 1).offset(page * size))

    def earned_by(self, by: SumBy, account: Address, conditions: TaskFilter) -> Rows:
        """Return sums of an account's newest payments: key, runs, amount; by month in order, or the largest first."""
        selection = _where(sql.select().where(_is_payment_to(account)), conditions)
        return self._sums(by, steps.c.amount, steps.c.time, selection, _PAID_TASKS)

    def spent_by(self, by: SumBy, conditions: TaskFilter) -> Rows:
        """Return the sums of the prices of tasks, as ``earned_by``."""
        return self._sums(by, _PRICE, tasks.c.time, _where(sql.select(), conditions), _PRICED_TASKS)

    def _sums(
        self,
        by: SumBy,
        amount: sql.ColumnElement[int],
        time: sql.ColumnElement[int],
        selection: sql.Select[Any],
        source: sql.FromClause,
    ) -> Rows:
        columns = (_SUM_KEYS[by].label("key"), tasks.c.task, amount.label("amount"))
        ordered = selection.with_only_columns(*columns).select_from(source).order_by(time.desc())
        newest = ordered.limit(MAX_SUMMED).subquery()
        runs, total = sql.func.count(newest.c.task.distinct()).label("runs"), sql.func.sum(newest.c.amount)
        query = sql.select(newest.c.key, runs, total.label("amount")).group_by(newest.c.key)
        return self._all(query.order_by(newest.c.key if by == "month" else total.desc(), newest.c.key).limit(MAX_SUMS))

    def total_earned(self, account: Address) -> int:
        """Return the sum of an account's rewards, nRLC."""
        query = sql.select(sql.func.sum(steps.c.amount)).where(steps.c.account == account, steps.c.kind == "reward")
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def _all(self, query: sql.Select[Any]) -> Rows:
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def _one(self, query: sql.Select[Any]) -> sql.Row[Any] | None:
        with self._engine.connect() as connection:
            return connection.execute(query).one_or_none()
