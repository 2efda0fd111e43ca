"""What pages ask the index; every question is answered from SQLite by an index of its own."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import sqlalchemy as sql

from sealgrid.chain.blocks import BlockTrail
from sealgrid.units import Address, Digest
from sealgrid.web.index.tables import assets, deals, progress, steps, tasks
from sealgrid.wire.chain_view import FileAddresses

PAGE = 24
CARDS = 12  #: on one page; each asks the market for its price
LATEST = 200  #: tasks of a pool that tell which machines work in it
Found = Sequence[sql.Row[Any]]
By = Literal["app", "dataset", "workerpool", "requester"]


@dataclass(frozen=True, slots=True)
class SuccessRecord:
    """How an app, a model or a pool did so far."""

    runs: int = 0  #: tasks that ended
    completed: int = 0
    running: int = 0  #: tasks that wait or run

    @property
    def success(self) -> float | None:
        """Return the share of ended tasks that were completed and paid; None before the first."""
        return self.completed / self.runs if self.runs else None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks a list shows."""

    by: dict[By, Address] = field(default_factory=dict)
    state: str = ""


class IndexReader:
    """Read-only face of the index."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def height(self) -> int:
        """Return the number of the newest block that is in the index; -1 before the first."""
        with self._engine.connect() as connection:
            body = connection.scalar(sql.select(progress.c.trail))
        return -1 if body is None else msgspec.json.decode(body, type=BlockTrail).next_number - 1

    def counts(self) -> dict[str, int]:
        """Return how many assets of each kind, and how many tasks, there are."""
        with self._engine.connect() as connection:
            by_kind = connection.execute(sql.select(assets.c.kind, sql.func.count().label("n")).group_by(assets.c.kind))
            done = connection.scalar(sql.select(sql.func.sum(assets.c.runs)).where(assets.c.kind == "App"))
            return {row.kind: row.n for row in by_kind} | {"completed": done or 0}

    def assets(self, kind: str, *, search: str = "", owner: str = "", page: int = 0, size: int = PAGE) -> Found:
        """Return assets of a kind, the most used first: a page of ``size``, and one more if there is a next page."""
        query = sql.select(assets).where(assets.c.kind == kind)
        if search:
            query = query.where(assets.c.name.icontains(search, autoescape=True) | (assets.c.address == search.lower()))
        if owner:
            query = query.where(assets.c.owner == owner)
        ordered = query.order_by(assets.c.runs.desc(), assets.c.block.desc(), assets.c.address)
        return self._all(ordered.limit(size + 1).offset(page * size))

    def asset(self, address: Address) -> sql.Row[Any] | None:
        """Return one asset."""
        return self._one(sql.select(assets).where(assets.c.address == address))

    def with_checksums(self, kind: str, checksums: Collection[str]) -> Found:
        """Return the assets of a kind that have one of these checksums."""
        return self._all(sql.select(assets).where(assets.c.kind == kind, assets.c.checksum.in_(checksums)))

    def named(self, files: Sequence[FileAddresses]) -> tuple[Digest, ...]:
        """Return which stored files some app or dataset names, by its checksum or its address."""
        places = {f"/ipfs/{cid}": file.sha256 for file in files for cid in file.cids}
        checksums = [file.sha256 for file in files]
        with self._engine.connect() as connection:
            by_address = connection.scalars(
                sql.select(assets.c.multiaddr).where(assets.c.multiaddr.in_(list(places)))
            ).all()
            by_checksum = connection.scalars(
                sql.select(assets.c.checksum).where(assets.c.kind == "Dataset", assets.c.checksum.in_(checksums))
            ).all()
        return tuple(sorted({places[place] for place in by_address} | {Digest(each) for each in by_checksum}))

    def names(self, addresses: set[str]) -> dict[str, str]:
        """Return the public names of assets."""
        query = sql.select(assets.c.address, assets.c.name).where(assets.c.address.in_(addresses))
        return {row.address: row.name for row in self._all(query)}

    def record(self, by: By, asset: sql.Row[Any]) -> SuccessRecord:
        """Return how an asset did; the completed ones, which are most, are counted as they come."""
        query = sql.select(tasks.c.state, sql.func.count().label("n")).where(
            tasks.c[by] == asset.address, tasks.c.state.in_(("refunded", "waiting", "running"))
        )
        counts = {row.state: row.n for row in self._all(query.group_by(tasks.c.state))}
        completed, refunded = asset.runs, counts.get("refunded", 0)
        return SuccessRecord(completed + refunded, completed, counts.get("waiting", 0) + counts.get("running", 0))

    def tasks(self, chosen: TaskFilter, *, page: int = 0) -> Found:
        """Return tasks, the newest first."""
        query = sql.select(tasks)
        for by, address in chosen.by.items():
            query = query.where(tasks.c[by] == address)
        if chosen.state:
            query = query.where(tasks.c.state == chosen.state)
        return self._all(query.order_by(tasks.c.time.desc(), tasks.c.task).limit(PAGE + 1).offset(page * PAGE))

    def machines(self, pool: Address, latest: int = LATEST) -> Found:
        """Return who worked on a pool's latest ended tasks, the busiest first: worker, tasks, completed, last."""
        ended = tasks.c.state.in_(("completed", "refunded"))
        newest = (
            sql.select(tasks.c.task, tasks.c.state)
            .where(tasks.c.workerpool == pool, ended)
            .order_by(tasks.c.time.desc(), tasks.c.task)
            .limit(latest)
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
        """Return one task with its deal's prices and who pays them."""
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

    def steps(self, task: str) -> Found:
        """Return what the chain has of a task, in its order."""
        return self._all(sql.select(steps).where(steps.c.task == task).order_by(steps.c.block, steps.c.position))

    def uses(self, by: By, address: Address, since: int) -> list[int]:
        """Return when an asset was used since a time, Unix seconds."""
        query = sql.select(tasks.c.time).where(tasks.c[by] == address, tasks.c.time >= since)
        return [row.time for row in self._all(query.order_by(tasks.c.time).limit(10_000))]

    def pool_prices(self, category: int, most: int = 200) -> Found:
        """Return the latest prices that computing in a category was sold at, oldest first."""
        query = sql.select(deals.c.time, deals.c.pool_price).where(deals.c.category == category)
        return list(reversed(self._all(query.order_by(deals.c.time.desc()).limit(most))))

    def earned(self, account: Address, most: int = 50) -> Found:
        """Return an account's latest rewards."""
        query = sql.select(steps).where(steps.c.account == account, steps.c.kind == "reward", steps.c.amount > 0)
        return self._all(query.order_by(steps.c.time.desc()).limit(most))

    def earned_in_all(self, account: Address) -> int:
        """Return what tasks paid to an account so far, nRLC."""
        query = sql.select(sql.func.sum(steps.c.amount)).where(steps.c.account == account, steps.c.kind == "reward")
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def _all(self, query: sql.Select[Any]) -> Found:
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def _one(self, query: sql.Select[Any]) -> sql.Row[Any] | None:
        with self._engine.connect() as connection:
            return connection.execute(query).one_or_none()
