"""Open offers of an own asset, from market and records; orders on equal terms are joined for a wallet."""

from types import SimpleNamespace

import pytest

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.poco.orders import AppOrder, DatasetOrder, to_document
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.sdk.operations.own_offers import (
    OpenOffers,
    join_equal,
    open_app_offers,
    open_model_offers,
    reprice,
    unlist,
)
from sealgrid.units import to_address, to_digest
from sealgrid.wire.market import OpenOrder

ME, OTHER = SigningKey.from_bytes(b"\x11" * 32), to_address(b"\x02" * 20)
ASSET = to_address(b"\xaa" * 20)


def order(price=5, volume=10, kind=AppOrder):
    fields = {"app": ASSET, "appprice": price} if kind is AppOrder else {"dataset": ASSET, "datasetprice": price}
    return kind(**fields, volume=volume, salt=to_digest(bytes([price]) * 32))


class Network:
    """A market with orders of two owners, and a hub that counts what was used."""

    def __init__(self, *listed, used=0, available=True) -> None:
        self.listed, self.used, self.available = listed, used, available

    async def orders(self, kind, **_):
        if not self.available:
            raise ServiceUnavailable("the market does not answer.")
        return [
            OpenOrder(
                orderHash=to_digest(bytes(32)),
                chainId=31337,
                order=to_document(each),
                remaining=each.volume,
                status="open",
                publicationTimestamp="",
                signer=owner,
            )
            for owner, each in self.listed
        ]

    async def view_consumed(self, digest):
        return self.used

    def conn(self):
        domain = OrderDomain(chain=31337, hub=ASSET)
        return SimpleNamespace(market=self, hub=self, address=ME.address, key=ME, order_domain=domain)


def recorded(*orders):
    return SimpleNamespace(offers=lambda: orders)


async def test_own_orders_with_uses_left_are_open():
    network = Network((ME.address, order()), (OTHER, order(7)), used=4)
    found = await open_app_offers(network.conn(), ASSET)
    assert [(each.appprice, left) for each, left in found.orders] == [(5, 6)]
    assert "no record" in found.unreached[0]
    assert (await open_app_offers(Network((ME.address, order()), used=10).conn(), ASSET)).orders == ()


async def test_an_order_that_is_recorded_and_listed_is_one():
    one = order(kind=DatasetOrder)
    found = await open_model_offers(Network((ME.address, one)).conn(), ASSET, recorded(one))
    assert found == OpenOffers(((one, 10),), ())


async def test_without_the_market_the_record_is_searched_and_the_rest_is_named():
    away = Network(available=False).conn()
    one = order(kind=DatasetOrder)
    found = await open_model_offers(away, ASSET, recorded(one))
    assert found.orders == ((one, 10),)
    assert "the market does not answer" in found.unreached[0]
    with pytest.raises(ServiceUnavailable):
        await open_model_offers(away, ASSET, None)


async def test_where_nothing_is_for_sale_nothing_is_cancelled_or_repriced():
    nothing = OpenOffers((), ("the market does not answer.",))
    for refused in (unlist(Network().conn(), ASSET, nothing), reprice(Network().conn(), ASSET, 3, nothing)):
        with pytest.raises(NotFound, match=r"offers no uses of .* the market does not answer"):
            await refused


def test_orders_on_equal_terms_are_joined_with_all_their_uses():
    assert join_equal([(order(5), 10), (order(7), 2), (order(5), 3)]) == [(order(5), 13), (order(7), 2)]
