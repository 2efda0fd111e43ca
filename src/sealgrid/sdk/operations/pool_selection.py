"""Select the workerpool of a run: pinned by the network file, named by the buyer, or the best on the market.

A pool's record is read from the chain for the latest deals that the market lists: the market can hide deals but not
invent any. A pool can buy from itself for the price of gas, so a record is only a hint and pinned pools come first.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import InputRefused, SealgridError
from sealgrid.poco.constants import pool_stake
from sealgrid.poco.ids import task_id
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.sdk.addresses import parse_address
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.network import Network, PinnedPool
from sealgrid.sdk.operations.listed_deals import view_listed_deal
from sealgrid.units import Address, DealId

ANY: Final = "any"
LATEST_DEALS: Final = 10  #: of a pool, which make its record
WINDOW_DAYS: Final = 7
MAX_POOLS: Final = 20  #: the cheapest unpinned pools, whose records are read for one choice


@dataclass(frozen=True, slots=True)
class PoolRecord:
    """Outcomes of a pool's latest deals, from the chain; the first task of each deal counts."""

    deals: int = 0
    completed: int = 0

    @property
    def succeeds(self) -> bool:
        """Return whether at least half of the deals completed, and at least one."""
        return 0 < self.deals <= 2 * self.completed


@dataclass(frozen=True, slots=True)
class PoolCandidate:
    """A pool's cheapest offer and the pool's record."""

    order: WorkerpoolOrder
    record: PoolRecord
    pinned: bool

    @property
    def proven(self) -> bool:
        """Return whether the pool locks a stake for a task and its latest deals succeeded."""
        return pool_stake(self.order.workerpoolprice) > 0 and self.record.succeeds

    def __str__(self) -> str:
        stake, record = pool_stake(self.order.workerpoolprice), self.record
        locks = f"locks {Amount(stake)} for a task" if stake else "locks no stake"
        return f"it {locks} and completed {record.completed} of its {record.deals} latest deals in {WINDOW_DAYS} days"


def pinned_pools(network: Network) -> tuple[PinnedPool, ...]:
    """Return the default pools of buyers: those that the network file pins, else the network's own."""
    return network.pools or (PinnedPool(network.workerpool, network.name),)


def pools_named(network: Network, choice: str | None) -> tuple[Address, ...] | None:
    """Return the pools of a buyer's choice: the pinned ones for None or an empty text, None for "any".

    Names are those of the network file, because names on the chain are not unique. Raises InputRefused for others.
    """
    pinned = pinned_pools(network)
    if not choice:
        return tuple(pool.address for pool in pinned)
    if choice == ANY:
        return None
    if named := tuple(pool.address for pool in pinned if pool.name == choice):
        return named
    try:
        return (parse_address(choice),)
    except ValueError as error:
        known = ", ".join(pool.name for pool in pinned)
        raise InputRefused(
            f"the network file pins no pool called {choice[:80]!r}; it has {known}. Give a pool's address, or any."
        ) from error


async def candidates(conn: Connection, offered: Sequence[WorkerpoolOrder]) -> list[PoolCandidate]:
    """Return each pool's first offer with the pool's record; ``offered`` is sorted by price."""
    pinned = {pool.address for pool in pinned_pools(conn.network)}
    first: dict[Address, WorkerpoolOrder] = {}
    for order in offered:
        first.setdefault(order.workerpool, order)
    others = [pool for pool in first if pool not in pinned][:MAX_POOLS]
    selected = [pool for pool in first if pool in pinned or pool in others]
    records = await asyncio.gather(*(record_of(conn, pool) for pool in selected))
    return [PoolCandidate(first[pool], record, pool in pinned) for pool, record in zip(selected, records, strict=True)]


def ranked(found: Sequence[PoolCandidate]) -> list[tuple[PoolCandidate, str]]:
    """Return candidates, best first, each with a sentence that gives the reason.

    Proven and pinned pools come first, then those with a stake; then the price decides.
    """
    chosen = []
    for each in sorted(found, key=_rank):
        if each.proven:
            why = "the cheapest pool that locks a stake and succeeded lately, or is pinned"
        elif each.pinned:
            why = "pinned by the network file, and no cheaper pool both locks a stake and succeeded lately"
        else:
            why = "without a good record: no pool on offer is pinned, or locks a stake and succeeded lately"
        chosen.append((each, f"chose pool {each.order.workerpool}, {why}: {each}"))
    return chosen


def _rank(candidate: PoolCandidate) -> tuple[bool, bool, int, int]:
    price = candidate.order.workerpoolprice
    good = candidate.proven or candidate.pinned
    return (not good, not (good or pool_stake(price)), price, -candidate.record.completed)


async def record_of(conn: Connection, pool: Address) -> PoolRecord:
    """Return the record of a pool; an empty one while the market does not answer."""
    try:
        deals = await conn.market.latest_deals(LATEST_DEALS, workerpool=pool)
        since = (await conn.node.block()).timestamp - WINDOW_DAYS * 24 * 3600
    except SealgridError:
        return PoolRecord()
    ended = await asyncio.gather(*(_completed(conn, pool, deal, since) for deal in deals[:LATEST_DEALS]))
    return PoolRecord(sum(each is not None for each in ended), sum(each is True for each in ended))


async def _completed(conn: Connection, pool: Address, deal: DealId, since: int) -> bool | None:
    """Return whether a deal's first task completed; None for a deal of another pool, or an old one."""
    view = await view_listed_deal(conn, deal)
    if view is None or view.workerpool.pointer != pool or view.start_time < since:
        return None
    return (await conn.hub.view_task(task_id(deal, view.bot_first))).status is TaskStatus.COMPLETED
