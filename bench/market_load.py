"""One market process with 100,000 open orders, over HTTP: best-match queries, and publishes with all their checks.

A publish is what a publisher's client does: ask for a challenge, sign it, send it with an order signed before the clock
started. Every order is one of a kind and counts only if the market answered with its hash; what is bought from pools
is looked for as the SDK looks for it.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import aiohttp
import msgspec

from bench import calibration
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target
from bench.processes import cpu_seconds
from bench.service import market
from sealgrid.chain.accounts import development_key
from sealgrid.crypto.signing import SigningKey
from sealgrid.market.book.order_book import PublishedOrder
from sealgrid.market.store import OrderStore, StoreOrder
from sealgrid.poco.orders import Order, WorkerpoolOrder, to_document
from sealgrid.poco.tags import NO_TAG, TEE_TAG
from sealgrid.poco.typed_data import OrderDomain, order_hash, sign_order
from sealgrid.sdk.network import Network
from sealgrid.units import Digest, to_address, to_digest
from sealgrid.wire.challenge import answer
from sealgrid.wire.market import Kind

CLIENTS = 32
ROUNDS = 3
BATCH = 2000
CATEGORIES = 6
BEST_MATCH = Target("≤", 10.0)  #: ms
PUBLISHES = Target("≥", 500.0)  #: 1/s


async def measure(context: Context) -> Figure:
    network = await context.networks.current()
    count, chance = context.either(20_000, 100_000), random.Random(1)
    folder = context.folder / "market-load"
    folder.mkdir()
    fill(folder, network, count, chance)
    begun = time.perf_counter()
    async with market(network, folder) as (url, pid), aiohttp.ClientSession(url) as session:
        started, beside = time.perf_counter() - begun, calibration.cpu()
        late = await _query(session, network, context.either(200, 500), chance)
        orders = list(_signed(network, context.either(200, 600) * ROUNDS, chance))
        rates, spent = [], []
        for round_ in range(ROUNDS):
            before, mine = cpu_seconds(pid), orders[round_::ROUNDS]
            rates.append(await _publish(session, network, mine))
            spent.append(1000 * (cpu_seconds(pid) - before) / len(mine))
        busy = await _query(session, network, context.either(100, 300), chance)
    open_orders = f"{count:,} open orders"
    return Figure(
        "market load",
        (
            Row(label=f"best match among {open_orders}", unit="ms", samples=late, temperature="warm"),
            Row(
                label=f"best match among {open_orders}",
                unit="ms",
                samples=late,
                shown="p95",
                temperature="warm",
                target=BEST_MATCH,
                calibration=beside,
            ),
            Row(
                label="best match right after the publishes",
                unit="ms",
                samples=busy,
                shown="p95",
                temperature="warm",
                target=BEST_MATCH,
            ),
            Row(
                label=f"publishes, {CLIENTS} clients at once",
                unit="1/s",
                samples=tuple(rates),
                temperature="warm",
                target=PUBLISHES,
                calibration=beside,
            ),
            Row(label="the market's processor time a publish", unit="ms", samples=tuple(spent), temperature="warm"),
            Row(label=f"start with {open_orders}", unit="s", samples=(started,), temperature="cold"),
        ),
        "market, chain and the load itself share this machine's processors",
    )


def fill(folder: Path, network: Network, count: int, chance: random.Random) -> None:
    """Put orders into the database as a market that listed them left it; signatures are not looked at again."""
    write_orders(folder, network, [("workerpoolorders", _order(network, chance), "pool") for _ in range(count)])


def write_orders(folder: Path, network: Network, orders: Sequence[tuple[Kind, Order, str]]) -> None:
    """Write orders, each with the development account that signed it, into a market's database."""
    domain = OrderDomain(chain=network.chain, hub=network.hub)
    store = OrderStore(f"sqlite:///{folder / 'market.sqlite'}", domain)
    operations = (
        StoreOrder(
            PublishedOrder(
                order_hash=order_hash(order, domain),
                order=order,
                signer=development_key(signer).address,
                published_at=number,
            )
        )
        for number, (kind, order, signer) in enumerate(orders)
    )
    while batch := list(islice(operations, BATCH)):
        store.perform(batch)
    store.close()


def _order(network: Network, chance: random.Random) -> WorkerpoolOrder:
    restriction = [to_address(bytes(20)), to_address(chance.randbytes(20))]
    return WorkerpoolOrder(
        workerpool=network.workerpool,
        workerpoolprice=chance.randrange(10**6),
        volume=chance.randrange(1, 10**6),  # as different as what is left of orders that were used
        tag=chance.choice([TEE_TAG, TEE_TAG, NO_TAG]),
        category=chance.randrange(CATEGORIES),
        trust=chance.randrange(3),
        requesterrestrict=chance.choices(restriction, (3, 1))[0],
        salt=to_digest(chance.randbytes(32)),
    )


def _signed(network: Network, count: int, chance: random.Random) -> Iterator[WorkerpoolOrder]:
    domain, key = OrderDomain(chain=network.chain, hub=network.hub), development_key("pool")
    for _ in range(count):
        yield sign_order(_order(network, chance), domain, key)


async def _query(
    session: aiohttp.ClientSession, network: Network, times: int, chance: random.Random
) -> tuple[float, ...]:
    milliseconds = []
    for _ in range(times):
        query = {
            "chainId": str(network.chain),
            "category": str(chance.randrange(CATEGORIES)),
            "minTag": chance.choice([TEE_TAG, NO_TAG]),
            "minVolume": chance.choice(["1", "2", "1000"]),
            "minTrust": str(chance.randrange(3)),
            "requester": to_address(chance.randbytes(20)),
        }
        begun = time.perf_counter()
        async with session.get("/workerpoolorders", params=query) as response:
            found = msgspec.json.decode(await response.read())
        milliseconds.append(1000 * (time.perf_counter() - begun))
        prices = [each["order"]["workerpoolprice"] for each in found["orders"]]
        if len(prices) != 20 or prices != sorted(prices):
            raise NotMeasured("the market did not give the best orders first.")
    return tuple(milliseconds)


async def _publish(session: aiohttp.ClientSession, network: Network, orders: Sequence[WorkerpoolOrder]) -> float:
    domain, key = OrderDomain(chain=network.chain, hub=network.hub), development_key("pool")
    expected = [order_hash(order, domain) for order in orders]
    bodies = [msgspec.json.encode({"order": to_document(order)}) for order in orders]

    async def one_after_the_other(mine: Sequence[bytes]) -> list[Digest]:
        return [await _publish_one(session, network.chain, key, body) for body in mine]

    begun = time.perf_counter()
    answers = await asyncio.gather(*(one_after_the_other(bodies[start::CLIENTS]) for start in range(CLIENTS)))
    seconds = time.perf_counter() - begun
    if [answers[number % CLIENTS][number // CLIENTS] for number in range(len(orders))] != expected:
        raise NotMeasured("the market did not list every order.")
    return len(orders) / seconds


async def _publish_one(session: aiohttp.ClientSession, chain: int, key: SigningKey, body: bytes) -> Digest:
    async with session.get(f"/challenge?chainId={chain}&address={key.address}") as response:
        challenge = msgspec.json.decode(await response.read())
    token = str(answer(chain, challenge["data"]["message"]["challenge"], key))
    headers = {"authorization": token, "content-type": "application/json"}
    async with session.post(f"/workerpoolorders?chainId={chain}", data=body, headers=headers) as response:
        found = msgspec.json.decode(await response.read())
    if not found["ok"]:
        raise NotMeasured(f"the market refused an order: {found['error']}")
    return Digest(found["published"]["orderHash"])
