"""Tasks in the database of a pool, as a pool that opened them left it, and the keys of its workers."""

import time
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Final

import msgspec

from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.poco.tags import TEE_TAG
from sealgrid.pool import events as e
from sealgrid.pool.pool_store import TaskChange
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.sql_pool_store import SqlPoolStore
from sealgrid.pool.step import new_tasks
from sealgrid.units import Address, DealId, to_address, to_digest

DOMAIN: Final = Domain(31337, to_address(b"\x0e" * 20))
POOL: Final = to_address(b"\x0f" * 20)
#: The defaults of a pool, but workers with 20 slots, whose completed tasks count until the next block.
RULES: Final = PoolRules(tasks_per_worker=200, tasks_per_requester=2000, tasks_per_app=4000)
REQUESTERS: Final = 8
DEAL_SIZE: Final = 500
_BATCH: Final = 5000


@cache
def worker_key(number: int) -> SigningKey:
    """Return the key of a worker."""
    return SigningKey.from_bytes((number + 1).to_bytes(32, "big"))


def deal(number: int, size: int = DEAL_SIZE) -> e.DealMatched:
    """Return a deal of its own; requesters take turns."""
    now = int(time.time())
    return e.DealMatched(
        at=now,
        deal=DealId(to_digest(number.to_bytes(32, "big"))),
        first=0,
        size=size,
        app=_party(100 + number % 4),
        app_digest=to_digest(b"\x01" * 32),
        bundle="/ipfs/b",
        contribution_deadline=now + 7 * 86_400,
        final_deadline=now + 10 * 86_400,
        requester=_party(number % REQUESTERS),
        tag=TEE_TAG,
        price=1000,
        seconds=3600,
    )


def fill(database: str, count: int, *, initialized: bool = True) -> None:
    """Put tasks into the database that are initialised on the chain, or will be."""
    store = SqlPoolStore(database, RULES)
    changes = _tasks(count, initialized=initialized)
    known: set[DealId] = set()
    while batch := list(islice(changes, _BATCH)):
        with store.transaction() as rows:
            for each in batch:
                if each.deal.deal not in known:
                    known.add(each.deal.deal)
                    rows.add_deal(each.deal)
            rows.save(batch)
    store.close()


def _tasks(count: int, *, initialized: bool) -> Iterator[TaskChange]:
    for number in range(-(-count // DEAL_SIZE)):
        matched = deal(number, min(DEAL_SIZE, count - number * DEAL_SIZE))
        for task in new_tasks(matched):
            yield TaskChange(None, msgspec.structs.replace(task, initialized=initialized), matched)


def _party(number: int) -> Address:
    return to_address((number + 1).to_bytes(20, "big"))
