"""The same market on SQLite and on PostgreSQL, alone and as two replicas."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest
import sqlalchemy as sql
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from sealgrid.chain.accounts import development_key
from sealgrid.errors import CallRefused, OrderRefused
from sealgrid.market.api import application
from sealgrid.market.book.order_book import PublishedOrder
from sealgrid.market.config import MarketConfig
from sealgrid.market.runner import open_service
from sealgrid.market.store import (
    CHALLENGES,
    META,
    ConsumeChallenge,
    OrderStore,
    RemoveOrder,
    StoreChallenge,
    StoreOrder,
)
from sealgrid.poco.orders import AppOrder, RequestOrder
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from sealgrid.wire.challenge import SENTENCE, answer
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.market import MarketClient
from tests.contracts.scene import Market
from tests.integration.market.feed_listener import listener, serving
from tests.integration.market.postgres import postgres
from tests.integration.market.traders import URL, Traders

pytestmark = pytest.mark.chain
DOMAIN = OrderDomain(chain=31337, hub=to_address(b"\x12" * 20))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/orders.sqlite"
    return emptied(request.getfixturevalue("server"))


def emptied(url: str) -> str:
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sql.text("DROP SCHEMA public CASCADE"))
        connection.execute(sql.text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture
def store(url: str) -> Iterator[OrderStore]:
    opened = OrderStore(url, DOMAIN)
    yield opened
    opened.close()


def published(number: int, **fields: object) -> PublishedOrder:
    order = AppOrder(**{"app": to_address(b"\x01" * 20), "appprice": 2**255, "sign": b"\x05" * 65} | fields)
    name = to_digest(number.to_bytes(32, "big"))
    return PublishedOrder(order_hash=name, order=order, signer=order.app, published_at=1_700_000_000_123)


def test_the_migrations_make_exactly_the_tables_that_the_code_speaks_of(store: OrderStore) -> None:
    with store._engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), META)
    assert differences == []


def test_what_was_published_comes_back_whole_and_in_order(store: OrderStore) -> None:
    one, two = published(1), msgspec.structs.replace(published(2, volume=2**256 - 1, sign=b""), presigned=True)
    done = store.perform([StoreOrder(one), StoreOrder(two)])
    assert done.changes == store.changes_since(0)
    assert [change.published for change in done.changes] == [one, two]
    first = done.changes[0].number
    gone = store.perform([RemoveOrder(one.order_hash)])
    assert [(change.order_hash, change.published) for change in gone.changes] == [(one.order_hash, None)]
    assert store.changes_since(first) == (done.changes[1], gone.changes[0])
    back = store.perform([StoreOrder(one)])
    assert store.changes_since(first) == (done.changes[1], back.changes[0])


def test_any_params_are_stored(store: OrderStore) -> None:
    who = to_address(b"\x01" * 20)
    order = RequestOrder(app=who, requester=who, beneficiary=who, params='{"iexec_args": "\x00 é 😀 \' --"}')
    one = PublishedOrder(order_hash=to_digest(bytes(32)), order=order, signer=who, published_at=1)
    store.perform([StoreOrder(one)])
    assert store.changes_since(0)[0].published == one


def test_a_challenge_is_spent_once_in_time_and_by_its_address(store: OrderStore) -> None:
    one, other = to_address(b"\x01" * 20), to_address(b"\x02" * 20)
    challenges = [StoreChallenge(to_digest(bytes([n]) * 32), one, 700) for n in range(3)]
    store.perform(challenges)
    assert store.perform([ConsumeChallenge(challenges[0].digest, other, 999)]).had_effect == (False,)
    assert store.perform(
        [ConsumeChallenge(challenges[0].digest, one, 999), ConsumeChallenge(challenges[0].digest, one, 999)]
    ).had_effect == (True, False)
    assert store.perform([ConsumeChallenge(challenges[1].digest, one, 1000)]).had_effect == (False,)


def test_challenges_that_nobody_answers_do_not_fill_the_database(store: OrderStore) -> None:
    one = to_address(b"\x01" * 20)
    for n in range(5):
        store.perform([StoreChallenge(to_digest(bytes([n]) * 32), one, 300 * n)])
    with store._engine.connect() as connection:
        assert connection.execute(sql.select(sql.func.count()).select_from(CHALLENGES)).scalar_one() == 1


def test_two_replicas_spend_a_challenge_once(url: str) -> None:
    replicas = [OrderStore(url, DOMAIN) for _ in range(2)]
    one = to_address(b"\x01" * 20)
    challenges = [StoreChallenge(to_digest(n.to_bytes(32, "big")), one, 1) for n in range(50)]
    replicas[0].perform(challenges)
    with ThreadPoolExecutor(2) as threads:
        jobs = [
            threads.submit(
                lambda store: [store.perform([ConsumeChallenge(a.digest, one, 1)]).had_effect[0] for a in challenges],
                each,
            )
            for each in replicas
        ]
        spent = [job.result() for job in jobs]
    assert all(first + second == 1 for first, second in zip(*spent, strict=True))
    for each in replicas:
        each.close()


def test_no_replica_misses_a_change_that_another_makes_meanwhile(url: str) -> None:
    writers, reader = [OrderStore(url, DOMAIN) for _ in range(2)], OrderStore(url, DOMAIN)
    newest, missing = 0, set(range(80))

    def write(store: OrderStore, numbers: range) -> None:
        for number in numbers:
            store.perform([StoreOrder(published(number))])

    with ThreadPoolExecutor(2) as threads:
        jobs = [threads.submit(write, store, range(n, 80, 2)) for n, store in enumerate(writers)]
        while missing:
            finished = all(job.done() for job in jobs)
            for change in reader.changes_since(newest):
                newest = change.number
                missing.discard(int(change.order_hash, 16))
            assert not finished or not missing
    for each in (*writers, reader):
        each.close()


def test_replicas_that_start_together_migrate_once(server: str) -> None:
    url = emptied(server)
    with ThreadPoolExecutor(4) as threads:
        stores = list(threads.map(lambda _: OrderStore(url, DOMAIN), range(4)))
    for each in stores:
        each.close()


@asynccontextmanager
async def replica(scene: Market, config: MarketConfig, url: str, folder: str) -> AsyncIterator[Traders]:
    mine = replace(config, database=url, folder=config.folder / folder, orders_per_signer=50)
    async with (
        open_service(mine, scene.node) as service,
        HttpTransport(URL, http=httpx.ASGITransport(application(service, mine))) as transport,
    ):
        yield Traders(scene, MarketClient(transport, config.network.chain), service)


async def until(expected: object, read: object) -> None:
    async with asyncio.timeout(60):
        while await read() != expected:  # type: ignore[operator]
            await asyncio.sleep(0.02)


async def test_what_one_replica_lists_and_takes_off_another_offers_and_forgets(
    scene: Market, config: MarketConfig, url: str
) -> None:
    async with replica(scene, config, url, "a") as first, replica(scene, config, url, "b") as second:
        order = scene.app_order()
        name = await first.publish(order)

        async def offered() -> list[str]:
            return [each.orderHash for each in await second.apps()]

        await until([name], offered)
        with pytest.raises(OrderRefused, match="already published"):
            await second.publish(order)
        await second.unpublish(order, name)
        await until((), first.apps)
    async with replica(scene, config, url, "c") as third:
        assert await third.apps() == ()


async def test_a_listener_of_one_replica_gets_events_of_the_other(
    scene: Market, config: MarketConfig, url: str
) -> None:
    async with (
        replica(scene, config, url, "a") as first,
        replica(scene, config, url, "b") as second,
        serving(application(second.service, config)) as address,
        listener(address, "orders") as feed,
    ):
        order = scene.app_order()
        name = await first.publish(order)
        event, message = await feed.next()
        assert (event, message["orderHash"]) == ("apporder_published", name)
        await first.unpublish(order, name)
        assert await feed.next() == ("apporder_unpublished", name)


async def test_a_challenge_of_one_replica_is_answered_at_another_once(
    scene: Market, config: MarketConfig, url: str
) -> None:
    key = development_key("developer")
    async with replica(scene, config, url, "a") as first, replica(scene, config, url, "b") as second:
        challenge = await first.service.authenticator.issue(key.address)
        assert challenge["message"]["challenge"].startswith(SENTENCE)
        token = answer(config.network.chain, challenge["message"]["challenge"], key)
        await second.service.authenticator.verify(token)
        with pytest.raises(CallRefused):
            await first.service.authenticator.verify(token)


def test_a_database_of_another_hub_is_refused_by_every_engine(url: str) -> None:
    from sealgrid.errors import InputRefused

    OrderStore(url, DOMAIN).close()
    with pytest.raises(InputRefused, match="another hub"):
        OrderStore(url, OrderDomain(chain=31337, hub=ZERO_ADDRESS))
