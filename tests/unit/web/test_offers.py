"""Open offers of pages: one market request, cheapest first, restrictions as the templates read them."""

from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.poco.orders import AppOrder, DatasetOrder, to_document
from sealgrid.poco.tags import TEE_BIT, TEE_TAG
from sealgrid.units import ZERO_ADDRESS, Address, to_address
from sealgrid.web.offers import find_groups, models_for, offers_by, offers_of
from sealgrid.wire.market import OpenOrder

ASSET, OTHER, OWNER, BUYER, GROUP, OWN_POOLS, POOL = (to_address(f"0x{n:040x}") for n in range(1, 8))


class FakeConnection:
    """A market with some orders that records its queries, and a chain on which GROUP is a contract."""

    def __init__(self, *orders: AppOrder | DatasetOrder) -> None:
        self.queries: list[tuple[str, dict[str, str]]] = []
        self._orders = [self._published(order) for order in orders]
        self.market, self.node = SimpleNamespace(orders=self._find), SimpleNamespace(code=self._code)
        self.network = SimpleNamespace(pool_group=OWN_POOLS)

    def _published(self, order: AppOrder | DatasetOrder) -> OpenOrder:
        document: dict[str, Any] = dict(to_document(order))
        return OpenOrder(
            orderHash="0x" + "00" * 32,
            chainId=1,
            order=document,
            remaining=3,
            status="open",
            publicationTimestamp="2026-01-01T00:00:00.000Z",
            signer=OWNER,
            offerRemaining=30,
        )

    async def _find(self, kind: str, **query: str) -> list[OpenOrder]:
        self.queries.append((kind, query))
        return self._orders

    async def _code(self, address: Address) -> bytes:
        return b"\x60" if address == GROUP else b""


async def test_offers_are_sorted_by_price_and_count_the_uses_of_equal_orders() -> None:
    conn: Any = FakeConnection(AppOrder(app=ASSET, appprice=5), AppOrder(app=ASSET, appprice=2))
    offers = await offers_of(conn, "App", ASSET)
    assert [(offer.asset, offer.owner, offer.price, offer.uses) for offer in offers] == [
        (ASSET, OWNER, 2, 30),
        (ASSET, OWNER, 5, 30),
    ]


async def test_offers_of_runs_without_a_tee_are_last_and_marked() -> None:
    cheap, dear = AppOrder(app=ASSET, appprice=2), AppOrder(app=ASSET, appprice=5, tag=TEE_TAG)
    conn: Any = FakeConnection(cheap, dear)
    assert [(offer.price, offer.tee) for offer in await offers_of(conn, "App", ASSET)] == [(5, True), (2, False)]


async def test_one_grouped_request_includes_restricted_offers() -> None:
    conn: Any = FakeConnection()
    await offers_of(conn, "App", ASSET, 1)
    await offers_by(conn, "Dataset", OWNER)
    unrestricted = {"workerpool": "any", "requester": "any", "grouped": "true"}
    assert conn.queries == [
        ("apporders", unrestricted | {"dataset": "any", "app": ASSET, "pageSize": "10", "minTag": TEE_BIT}),
        ("datasetorders", unrestricted | {"app": "any", "datasetOwner": OWNER, "pageSize": "50"}),
    ]


@pytest.mark.parametrize(("restriction", "shown"), [(OWN_POOLS, ZERO_ADDRESS), (POOL, POOL)])
async def test_this_networks_own_pools_are_not_a_restriction(restriction: Address, shown: Address) -> None:
    conn: Any = FakeConnection(AppOrder(app=ASSET, workerpoolrestrict=restriction))
    (offer,) = await offers_of(conn, "App", ASSET)
    assert offer.pool == shown


async def test_a_buyer_that_is_a_contract_is_a_group() -> None:
    orders = [DatasetOrder(dataset=ASSET, requesterrestrict=buyer) for buyer in (BUYER, GROUP, ZERO_ADDRESS)]
    conn: Any = FakeConnection(*orders)
    offers = await offers_of(conn, "Dataset", ASSET)
    assert [(offer.buyer, offer.is_group) for offer in offers] == [(BUYER, False), (GROUP, True), (ZERO_ADDRESS, False)]
    assert await find_groups(conn, [BUYER, GROUP]) == {GROUP}


async def test_models_for_an_app_has_the_cheapest_offer_of_each_model() -> None:
    prices = ((ASSET, 7), (OTHER, 4), (ASSET, 3))
    conn: Any = FakeConnection(*(DatasetOrder(dataset=model, datasetprice=price) for model, price in prices))
    assert {offer.asset: offer.price for offer in await models_for(conn, OTHER)} == {ASSET: 3, OTHER: 4}
