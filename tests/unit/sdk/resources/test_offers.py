"""Open offers: orders on equal terms are one, and the chain is read once for each asset of a connection."""

import asyncio
from types import SimpleNamespace

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.poco.orders import AppOrder, to_document
from sealgrid.sdk.asset_facts import AssetFactsReader
from sealgrid.sdk.resources.offers import open_offers
from sealgrid.units import to_address, to_digest
from sealgrid.wire.market import OpenOrder

OWNER = to_address(b"\x01" * 20)
APPS = [to_address(bytes([2, number]) + bytes(18)) for number in range(20)]


class CountedAssets:
    """Registries that count their reads and the reads that are pending together."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, str]] = []
        self.pending = self.most_pending = 0
        self.available = True

    async def name(self, kind, asset):
        await self._read("name", asset)
        return f"app {APPS.index(asset)}"

    async def checksum(self, kind, asset):
        await self._read("checksum", asset)
        return to_digest(bytes(12) + bytes.fromhex(asset[2:]))

    async def _read(self, what, asset):
        self.reads.append((what, asset))
        self.pending += 1
        self.most_pending = max(self.most_pending, self.pending)
        await asyncio.sleep(0)
        self.pending -= 1
        if not self.available:
            raise ServiceUnavailable("the chain does not answer.")


class Market:
    """A market with some open orders."""

    def __init__(self, *orders: OpenOrder) -> None:
        self.listed = orders

    async def orders(self, kind, *, pageIndex, pageSize, **filters):  # noqa: N803  iExec's names
        assert kind == "apporders"
        start = int(pageIndex) * int(pageSize)
        return list(self.listed[start : start + int(pageSize)])


def listed(app, price, volume=5) -> OpenOrder:
    order = AppOrder(app=app, appprice=price, volume=volume)
    return OpenOrder(
        orderHash=to_digest(bytes(32)),
        chainId=31337,
        order=to_document(order),
        remaining=volume,
        status="open",
        publicationTimestamp="",
        signer=OWNER,
    )


def connection(*orders: OpenOrder):
    assets = CountedAssets()
    return SimpleNamespace(market=Market(*orders), asset_facts=AssetFactsReader(assets)), assets


async def test_two_hundred_offers_of_one_app_cost_two_calls_and_a_second_listing_none():
    conn, assets = connection(*(listed(APPS[0], price) for price in range(200)))
    offers = await open_offers(conn, "App")
    assert [int(offer.price) for offer in offers] == list(range(200))
    assert sorted(assets.reads) == [("checksum", APPS[0]), ("name", APPS[0])]
    assert await open_offers(conn, "App") == offers
    assert len(assets.reads) == 2


async def test_the_facts_of_all_apps_are_read_in_one_batch():
    conn, assets = connection(*(listed(app, 1) for app in APPS))
    offers = await open_offers(conn, "App")
    assert {offer.name for offer in offers} == {f"app {number}" for number in range(len(APPS))}
    assert (len(assets.reads), assets.most_pending) == (2 * len(APPS), 2 * len(APPS))


async def test_orders_on_equal_terms_are_one_offer():
    conn, _ = connection(listed(APPS[0], 3, 5), listed(APPS[0], 3, 7), listed(APPS[0], 4))
    assert [(offer.orders, offer.uses, int(offer.price)) for offer in await open_offers(conn, "App")] == [
        (2, 12, 3),
        (1, 5, 4),
    ]


async def test_a_failed_read_is_repeated():
    conn, assets = connection(listed(APPS[0], 1))
    assets.available = False
    with pytest.raises(ServiceUnavailable):
        await open_offers(conn, "App")
    assets.available = True
    assert (await open_offers(conn, "App"))[0].buyer is None
