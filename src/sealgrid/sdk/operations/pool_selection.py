"""Which workerpool a run is bought at: one that the network file pins, one that the buyer names, or any on the market.

A pool's record is what the chain says of the latest deals that the market names: the market can hide a deal and invent
none. A pool can buy from itself at the price of gas, so a record is a hint, and the network file's pins come first.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import InputRefused, NotFound, SealgridError
from sealgrid.poco.constants import pool_stake
from sealgrid.poco.ids import task_id
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.network import Network, PinnedPool
from sealgrid.units import Address, DealId, to_address, to_digest

ANY: Final = "any"
LATEST_DEALS: Final = 10  #: of a pool, that its record is made of
WINDOW_DAYS: Final = 7
MOST_POOLS: Final = 20  #: whose records are read for one choice, beside the pinned ones: the cheapest


@dataclass(frozen=True, slots=True)
class PoolRecord:
    """How a pool's latest deals of the last days ended, as the chain has them; of each the first task counts."""

    deals: int = 0
    completed: int = 0

    @property
    def succeeds(self) -> bool:
        """Return whether it completed at least half of them, and one at least."""
        return 0 < self.deals <= 2 * self.completed


@dataclass(frozen=True, slots=True)
class PoolCandidate:
    """A pool's cheapest offer, with what is known of the pool."""

    order: WorkerpoolOrder
    record: PoolRecord
    pinned: bool

    @property
    def proven(self) -> bool:
        """Return whether the pool locks a stake for a task, and its latest deals ended well."""
        return pool_stake(self.order.workerpoolprice) > 0 and self.record.succeeds

    def __str__(self) -> str:
        stake, record = pool_stake(self.order.workerpoolprice), self.record
        locks = f"locks {Amount(stake)} for a task" if stake else "locks no stake"
        return f"it {locks} and completed {record.completed} of its {record.deals} latest deals in {WINDOW_DAYS} days"


def pinned_pools(network: Network) -> tuple[PinnedPool, ...]:
    """Return the pools that a buyer takes by default; of a network file that names none, the network's own."""
    return network.pools or (PinnedPool(network.workerpool, network.name),)


def pools_named(network: Network, wanted: str | None) -> tuple[Address, ...] | None:
    """Return the pools that a buyer means: the pinned ones for None or an empty text, None itself for "any".

    A name counts only as the network file has it: on the chain anybody takes any name. Raises InputRefused for others.
    """
    pinned = pinned_pools(network)
    if not wanted:
        return tuple(pool.address for pool in pinned)
    if wanted == ANY:
        return None
    if named := tuple(pool.address for pool in pinned if pool.name == wanted):
        return named
    try:
        return (to_address(wanted.lower()),)
    except ValueError as error:
        known = ", ".join(pool.name for pool in pinned)
        raise InputRefused(
            f"the network file pins no pool called {wanted[:80]!r}; it has {known}. Give a pool's address, or any."
        ) from error


async def candidates(conn: Connection, offered: Sequence[WorkerpoolOrder]) -> list[PoolCandidate]:
    """Return each pool's first offer with the pool's record; ``offered`` comes cheapest first."""
    pinned = {pool.address for pool in pinned_pools(conn.network)}
    first: dict[Address, WorkerpoolOrder] = {}
    for order in offered:
        first.setdefault(order.workerpool, order)
    others = [pool for pool in first if pool not in pinned][:MOST_POOLS]
    looked = [pool for pool in first if pool in pinned or pool in others]
    records = await asyncio.gather(*(record_of(conn, pool) for pool in looked))
    return [PoolCandidate(first[pool], record, pool in pinned) for pool, record in zip(looked, records, strict=True)]


def ranked(found: Sequence[PoolCandidate]) -> list[tuple[PoolCandidate, str]]:
    """Return candidates, the best first, each with one sentence on why it would be taken.

    Proven and pinned ones come before the rest, among the rest those with a stake; then the price decides.
    """
    return [(each, _reason(each)) for each in sorted(found, key=_rank)]


def _reason(best: PoolCandidate) -> str:
    if best.proven:
        why = "the cheapest pool that locks a stake and did well lately, or is pinned"
    elif best.pinned:
        why = "pinned by the network file, and no cheaper pool both locks a stake and did well lately"
    else:
        why = "although nothing speaks for it: no pool on offer is pinned, or locks a stake and did well lately"
    return f"chose pool {best.order.workerpool}, {why}: {best}"


def _rank(candidate: PoolCandidate) -> tuple[bool, bool, int, int]:
    price = candidate.order.workerpoolprice
    good = candidate.proven or candidate.pinned
    return (not good, not (good or pool_stake(price)), price, -candidate.record.completed)


async def record_of(conn: Connection, pool: Address) -> PoolRecord:
    """Return how a pool's latest deals ended; an empty record while the market does not answer."""
    try:
        deals = await conn.market.latest_deals(pool, LATEST_DEALS)
        since = (await conn.node.block()).timestamp - WINDOW_DAYS * 24 * 3600
    except SealgridError:
        return PoolRecord()
    ended = await asyncio.gather(*(_completed(conn, pool, deal, since) for deal in deals[:LATEST_DEALS]))
    return PoolRecord(sum(each is not None for each in ended), sum(each is True for each in ended))


async def _completed(conn: Connection, pool: Address, deal: DealId, since: int) -> bool | None:
    """Return whether a deal's first task was completed; None for a deal that is none of the pool's, or too old."""
    try:
        view = await conn.hub.view_deal(DealId(to_digest(deal)))
    except (NotFound, ValueError):
        return None
    if view.workerpool.pointer != pool or view.start_time < since:
        return None
    return (await conn.hub.view_task(task_id(deal, view.bot_first))).status is TaskStatus.COMPLETED
