"""A large market: assets on the chain, open orders, and a long history.

Use is as uneven as in any store: the k-th asset of a kind has a share of 1/k. Orders and past are written into the
databases as their services leave them; no signature is looked at again.
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import sqlalchemy as sql

from bench.market_load import write_orders
from sealgrid.chain.accounts import development_key
from sealgrid.chain.assets import Assets
from sealgrid.chain.new_blocks import NewBlocks
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.connection import connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations import deploy, publish
from sealgrid.units import Address, to_address, to_digest
from sealgrid.web.index.indexer import ChainIndexer
from sealgrid.web.index.store import IndexStore
from sealgrid.web.index.tables import assets, deals, steps, tasks
from sealgrid.wire.market import Kind as Shelf

APPS, DATASETS, POOLS = 30, 30, 6
REQUESTERS = 3000
MACHINES = 500
CATEGORIES = 3
SHELVES: Final[tuple[Shelf, ...]] = ("workerpoolorders", "datasetorders", "apporders", "requestorders")
DAYS = 60
BATCH = 2000
HOUR = 3600
COLD_SHARE = 0.1  # of completed tasks
STATES = (("completed", 94), ("refunded", 4), ("running", 1), ("waiting", 1))
STEPS = {
    "waiting": (),
    "running": ("initialize",),
    "refunded": ("initialize", "claimed"),
    "completed": ("initialize", "contribute", "reward", "reward", "reward", "finalize"),
}
Thing = TypeVar("Thing")
Row = dict[str, object]


@dataclass(frozen=True)
class Bazaar:
    """What is sold, the most used first."""

    apps: tuple[Address, ...]
    datasets: tuple[Address, ...]
    pools: tuple[Address, ...]


async def build(network: Network, folder: Path) -> Bazaar:
    """Register everything; the first app and dataset are whole, the other apps share the first one's bundle."""
    hasher = shipped_apps.app_folder("hash-file")
    assert hasher is not None
    async with connect(network, development_key("developer")) as developer:
        first = await deploy.deploy(developer, hasher)
        known = Assets(developer.hub)
        place = await known.multiaddr("App", first.address)
        sold = [first.address] + [
            await known.create_app(developer.wallet, name=f"app {n}", multiaddr=place, checksum=first.digest)
            for n in range(1, APPS)
        ]
    table = folder / "table"
    table.write_bytes(b"city,price\n" * 100)
    async with connect(network, development_key("owner")) as owner:
        dataset = await publish.publish(owner, table, name="a table", apps=[first.address], price=10**9)
        index = [dataset.address] + [
            await Assets(owner.hub).create_dataset(
                owner.wallet, name=f"dataset {n}", multiaddr=place, checksum=to_digest(random.randbytes(32))
            )
            for n in range(1, DATASETS)
        ]
    async with connect(network, development_key("pool")) as pool:
        others = [
            await Assets(pool.hub).create_workerpool(pool.wallet, description=f"pool {n}") for n in range(1, POOLS)
        ]
    return Bazaar(tuple(sold), tuple(index), (network.workerpool, *others))


def fill_market(folder: Path, network: Network, bazaar: Bazaar, count: int, chance: random.Random) -> None:
    """Put open orders of every kind into a market's database."""
    write_orders(folder, network, [_order(bazaar, chance) for _ in range(count)])


async def fill_index(folder: Path, network: Network, bazaar: Bazaar, count: int, chance: random.Random) -> list[str]:
    """Put a past of so many tasks into the pages' index; return the newest completed ones."""
    store = IndexStore(folder / "index.sqlite", network.genesis)
    try:
        async with connect(network, development_key("stranger")) as reader:
            while await ChainIndexer(reader.hub, store, NewBlocks(reader.node.url)).step():
                pass  # what is on the chain comes first, as the pages would find it
        rows = list(_past(bazaar, count, chance))
        for start in range(0, count, BATCH):
            _write(store.engine, rows[start : start + BATCH])
        _count_runs(store.engine)
    finally:
        store.close()
    return [str(task["task"]) for _, task, _ in rows[-500:] if task["state"] == "completed"]


def _order(bazaar: Bazaar, chance: random.Random) -> tuple[Shelf, Order, str]:
    kind = chance.choices(SHELVES, (12, 4, 3, 1))[0]
    salt, price, volume = to_digest(chance.randbytes(32)), chance.randrange(10**6), chance.choice([1, 10, 1000])
    no_restriction = to_address(bytes(20))
    buyers = to_address(chance.randbytes(20)) if chance.random() < 0.2 else no_restriction
    app, dataset = _one(bazaar.apps, chance), _one(bazaar.datasets, chance)
    if kind == "apporders":
        use = AppOrder(app=app, appprice=price, volume=volume, tag=TEE_TAG, salt=salt, requesterrestrict=buyers)
        return kind, use, "developer"
    if kind == "datasetorders":
        only = app if chance.random() < 0.5 else no_restriction
        offer = DatasetOrder(
            dataset=dataset,
            datasetprice=price,
            volume=volume,
            tag=TEE_TAG,
            salt=salt,
            apprestrict=only,
            requesterrestrict=buyers,
        )
        return kind, offer, "owner"
    category = chance.randrange(CATEGORIES)
    if kind == "workerpoolorders":
        pool = _one(bazaar.pools, chance)
        computing = WorkerpoolOrder(
            workerpool=pool,
            workerpoolprice=price,
            volume=volume,
            tag=TEE_TAG,
            salt=salt,
            category=category,
            requesterrestrict=buyers,
        )
        return kind, computing, "pool"
    buyer = development_key("requester").address
    request = RequestOrder(
        app=app,
        dataset=dataset,
        requester=buyer,
        beneficiary=buyer,
        appmaxprice=price,
        volume=1,
        salt=salt,
        category=category,
        tag=TEE_TAG,
    )
    return kind, request, "requester"


def _past(bazaar: Bazaar, count: int, chance: random.Random) -> Iterator[tuple[Row, Row, list[Row]]]:
    now, people = int(time.time()), [development_key("requester").address]
    people += [to_address(chance.randbytes(20)) for _ in range(1, REQUESTERS)]
    machines = [to_address(chance.randbytes(20)) for _ in range(MACHINES)]
    payees = [development_key(name).address for name in ("owner", "developer", "worker")]
    for number in range(count):
        at = now - int((count - number) / count * DAYS * 24 * HOUR)
        state = chance.choices([state for state, _ in STATES], [share for _, share in STATES])[0]
        shared = {
            "deal": to_digest(chance.randbytes(32)),
            "app": _one(bazaar.apps, chance),
            "dataset": _one(bazaar.datasets, chance),
            "workerpool": _one(bazaar.pools, chance),
            "requester": _one(people, chance),
            "block": 1,
            "time": at,
        }
        deal = shared | {
            "sponsor": shared["requester"],
            "app_price": chance.randrange(10**9),
            "dataset_price": chance.randrange(10**9),
            "pool_price": chance.randrange(10**9),
            "category": chance.randrange(CATEGORIES),
            "callback": to_address(bytes(20)),
            "bot_first": 0,
            "bot_size": 1,
            "final_deadline": at + HOUR,
            "transaction": to_digest(chance.randbytes(32)),
        }
        ended = at + 5 if state in {"completed", "refunded"} else None
        is_completed = state == "completed"
        task = shared | {
            "task": to_digest(chance.randbytes(32)),
            "position": 0,
            "state": state,
            "ended": ended,
            "proof": False,
            "first_of_deal": True,
            "worker": _one(machines, chance) if is_completed else None,
            "cold": chance.random() < COLD_SHARE if is_completed else None,
            "exit_class": chance.choices(["ok", "app-failed"], (9, 1))[0] if is_completed else None,
        }
        steps_of_task = [
            {
                "block": 1,
                "position": 1000 + 10 * number + n,
                "task": task["task"],
                "kind": kind,
                "account": _one(machines, chance) if kind == "contribute" else payees[n % 3],
                "amount": 10**9 if kind == "reward" else 0,
                "transaction": to_digest(chance.randbytes(32)),
                "time": at + n,
            }
            for n, kind in enumerate(STEPS[state])
        ]
        yield deal, task, steps_of_task


def _write(engine: sql.Engine, rows: Sequence[tuple[Row, Row, list[Row]]]) -> None:
    with engine.begin() as connection:
        connection.execute(deals.insert(), [deal for deal, _, _ in rows])
        connection.execute(tasks.insert(), [task for _, task, _ in rows])
        connection.execute(steps.insert(), [step for _, _, steps_of_task in rows for step in steps_of_task])


def _count_runs(engine: sql.Engine) -> None:
    used = [tasks.c[kind] == assets.c.address for kind in ("app", "dataset", "workerpool")]
    ends = {"runs": ("ok", "app-failed"), "answers": ("ok",), "failures": ("app-failed",)}
    counts = {
        name: sql.select(sql.func.count()).where(sql.or_(*used), tasks.c.exit_class.in_(classes)).scalar_subquery()
        for name, classes in ends.items()
    }
    with engine.begin() as connection:
        connection.execute(assets.update().values(counts))


def _one(things: Sequence[Thing], chance: random.Random) -> Thing:
    """Return the k-th thing with a share of 1/k."""
    return things[min(int(len(things) ** chance.random()), len(things)) - 1]
