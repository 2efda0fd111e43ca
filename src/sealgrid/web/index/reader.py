"""Read queries of the pages on the chain index. Each query is served by an SQLite index (tables.py)."""

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sql

from sealgrid.chain.blocks import BlockTrail
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import InputRefused
from sealgrid.receipts.receipt import ExitClass
from sealgrid.receipts.run_record import RunRecord, RunTimes
from sealgrid.sdk.operations.run_sums import SumBy
from sealgrid.units import ZERO_DIGEST, Address, Digest
from sealgrid.web.index.events import AccountEvent, events_of
from sealgrid.web.index.tables import (
    IS_TIMED,
    MAX_LISTED_TASKS,
    assets,
    deals,
    owners,
    progress,
    steps,
    summaries,
    tasks,
)
from sealgrid.wire.chain_view import MAX_FILES_PER_REQUEST, AssetFile, AssetFiles, FileAddresses, NamingAsset

PAGE_SIZE: Final = 24
MAX_SUMMED: Final = 20_000  #: tasks that sums count, the newest: a page must answer for an account with any number
MAX_SUMS: Final = 120  #: lines of a table of sums: ten years of months
CARDS_PER_PAGE: Final = 12  #: each card needs a request to the market
RECENT_ANSWERS: Final = 50  #: whose durations count, cold and warm ones each
MAX_VERSIONS: Final = 1000
MAX_NAMING: Final = 100  #: assets that name one file
RECENT_TASKS: Final = 200  #: tasks of a pool whose workers count as its machines
Rows = Sequence[sql.Row[Any]]
MAX_WORDS: Final = 8  #: of a search
MAX_CHOICES: Final = 50  #: of a list's filter
Party = Literal["app", "dataset", "workerpool", "requester"]
Order = Literal["used", "newest", "cheapest", "name"]


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


def _file_of(asset: sql.Row[Any]) -> Digest | None:
    """Return the SHA-256 of the file that an asset names, if the chain tells it."""
    with contextlib.suppress(InputRefused):
        return digest_of_cid(asset.multiaddr.removeprefix("/ipfs/"))
    is_sealed = asset.kind == "Dataset" and asset.checksum != ZERO_DIGEST
    return Digest(asset.checksum) if is_sealed else None


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


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """Conditions and order of a list of apps or models."""

    search: str = ""  #: words, each of which is in the name, title, description or tags; or an address
    format: str = ""
    app: str = ""  #: address; models that this app may use, by their cheapest offer
    max_price: int | None = None  #: nRLC, of the cheapest offer
    owner: str = ""
    order: Order = "used"


_ORDERS: Final[dict[Order, tuple[Any, ...]]] = {
    "used": (assets.c.runs.desc(),),
    "newest": (),
    "cheapest": (summaries.c.price.is_(None), summaries.c.price, assets.c.runs.desc()),
    "name": (sql.func.lower(assets.c.name),),
}


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

    def assets(self, kind: str, *, owner: str = "", page: int = 0) -> Rows:
        """Return a page of assets of a kind, the most used first, and one row more if there is a next page."""
        query = sql.select(assets).where(assets.c.kind == kind)
        if owner:
            query = query.where(assets.c.owner == owner)
        ordered = query.order_by(assets.c.runs.desc(), assets.c.block.desc(), assets.c.address)
        return self._all(ordered.limit(PAGE_SIZE + 1).offset(page * PAGE_SIZE))

    def cards(self, kind: str, chosen: AssetFilter, *, page: int = 0) -> Rows:
        """Return a page of assets with their summaries (NULL: not read yet), and one row more if there is a next page.

        A filter by text, format, app or price reads all assets of the kind.
        """
        about = [column for column in summaries.c if column.name not in {"address", "app"}]
        query = (
            sql.select(assets, *about, summaries.c.app.label("only_app"))
            .outerjoin(summaries, summaries.c.address == assets.c.address)
            .where(assets.c.kind == kind)
        )
        for word in chosen.search.casefold().split()[:MAX_WORDS]:
            by_name = assets.c.name.icontains(word, autoescape=True)
            in_text = summaries.c.searched.contains(word, autoescape=True)
            query = query.where(by_name | in_text | (assets.c.address == word))
        if chosen.format:
            query = query.where(summaries.c.format == chosen.format)
        if chosen.app:
            any_app = summaries.c.app.is_(None) & summaries.c.price.is_not(None)
            query = query.where((summaries.c.app == chosen.app) | any_app)
        if chosen.max_price is not None:
            query = query.where(summaries.c.price <= chosen.max_price)
        if chosen.owner:
            query = query.where(assets.c.owner == chosen.owner)
        ordered = query.order_by(*_ORDERS[chosen.order], assets.c.block.desc(), assets.c.address)
        return self._all(ordered.limit(CARDS_PER_PAGE + 1).offset(page * CARDS_PER_PAGE))

    def formats(self, kind: str) -> list[str]:
        """Return the formats of a kind's assets, for a filter."""
        query = sql.select(summaries.c.format).join(assets, assets.c.address == summaries.c.address)
        query = query.where(assets.c.kind == kind, summaries.c.format != "").distinct().order_by(summaries.c.format)
        return [row.format for row in self._all(query.limit(MAX_CHOICES))]

    def apps_of_models(self) -> dict[str, str]:
        """Return the names of the apps to which models are offered, by address, for a filter."""
        used = sql.select(summaries.c.app).where(summaries.c.app.is_not(None)).distinct()
        query = sql.select(assets.c.address, assets.c.name).where(assets.c.address.in_(used))
        return {row.address: row.name for row in self._all(query.order_by(assets.c.runs.desc()).limit(MAX_CHOICES))}

    def asset(self, address: Address) -> sql.Row[Any] | None:
        """Return one asset; None if unknown."""
        return self._one(sql.select(assets).where(assets.c.address == address))

    def versions(self, kind: str, owner: Address, base: str) -> Rows:
        """Return the assets of an owner that are named ``base`` or ``base@…``, the newest first; 1000 at most.

        ``price`` is of the cheapest offer, nRLC, as last read; NULL for none.
        """
        named = (assets.c.name == base) | assets.c.name.startswith(f"{base}@", autoescape=True)
        query = sql.select(assets, summaries.c.price).outerjoin(summaries, summaries.c.address == assets.c.address)
        query = query.where(assets.c.kind == kind, assets.c.owner == owner, named)
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

    def asset_files(self, after: Address) -> AssetFiles:
        """Return the files that the next assets after an address name, with the assets' owners.

        A file whose SHA-256 the chain does not tell is left out: that of an app at a CIDv0.
        """
        query = sql.select(assets).where(assets.c.address > after).order_by(assets.c.address)
        rows = self._all(query.limit(MAX_FILES_PER_REQUEST))
        files = ((_file_of(row), row.owner) for row in rows)
        return AssetFiles(
            files=tuple(AssetFile(sha256=file, owner=owner) for file, owner in files if file is not None),
            after=rows[-1].address if len(rows) == MAX_FILES_PER_REQUEST else None,
        )

    def naming_assets(self, file: FileAddresses, now: int) -> tuple[NamingAsset, ...]:
        """Return the first 100 assets that name a file, with their owners and open deals at a time of the chain."""
        named = assets.c.multiaddr.in_([f"/ipfs/{cid}" for cid in file.cids])
        is_sealed = sql.and_(assets.c.kind == "Dataset", assets.c.checksum == file.sha256)
        query = sql.select(assets).where(sql.or_(named, is_sealed)).order_by(assets.c.block, assets.c.address)
        return tuple(
            NamingAsset(
                address=row.address,
                is_dataset=row.kind == "Dataset",
                owner=row.owner,
                former_owners=self._former_owners(row.address, row.owner),
                open_until=self._open_until(row.address, now),
            )
            for row in self._all(query.limit(MAX_NAMING))
        )

    def _former_owners(self, asset: Address, owner: Address) -> tuple[Address, ...]:
        query = sql.select(owners.c.owner).distinct().where(owners.c.asset == asset, owners.c.owner != owner)
        return tuple(Address(row.owner) for row in self._all(query.order_by(owners.c.owner)))

    def _open_until(self, dataset: Address, now: int) -> int:
        """Return the last final deadline of a dataset's deals with tasks that have not ended; 0 for none."""
        unfinished = (
            sql.select(sql.func.max(deals.c.final_deadline))
            .select_from(tasks.join(deals, tasks.c.deal == deals.c.deal))
            .where(tasks.c.dataset == dataset, deals.c.final_deadline > now)
            .where(tasks.c.state.in_(("waiting", "running")) | (deals.c.bot_size > MAX_LISTED_TASKS))
        )
        with self._engine.connect() as connection:
            return connection.scalar(unfinished) or 0

    def deal_states(self, deal: str) -> dict[str, int]:
        """Return how many tasks of a deal are in each state; states without a task are missing."""
        query = sql.select(tasks.c.state, sql.func.count().label("n")).where(tasks.c.deal == deal)
        return {row.state: row.n for row in self._all(query.group_by(tasks.c.state))}

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
            proofs=asset.proofs,
            unverified=asset.runs - asset.answers - asset.failures - asset.refusals - asset.proofs,
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

    def events(self, account: Address, since: int, now: int) -> list[AccountEvent]:
        """Return an account's events between two times, Unix seconds."""
        return events_of(self._engine, account, since, now)

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
        """Return the sums of the prices of tasks, as ``earned_by``; a refunded task cost nothing."""
        spent = sql.case((tasks.c.state == "refunded", 0), else_=_PRICE)
        return self._sums(by, spent, tasks.c.time, _where(sql.select(), conditions), _PRICED_TASKS)

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
