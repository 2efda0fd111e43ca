"""Names are not unique on a chain: which address a name means, and when it means none."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.errors import InputRefused, NotFound, OrderRefused
from sealgrid.sdk.operations import resolve
from sealgrid.sdk.operations.resolve import find_account, find_app, find_model, is_shipped
from sealgrid.units import to_address, to_digest
from tests.unit.sdk.network_file import network

ME, OTHER, FIRST, SECOND, THIRD = (to_address(bytes([number]) * 20) for number in range(1, 6))
DIGEST, FORGED = to_digest(b"\x01" * 32), to_digest(b"\x02" * 32)


def offer(address, name="faces", owner=OTHER, digest=DIGEST, app=None):
    return SimpleNamespace(address=address, name=name, owner=owner, digest=digest, app=app)


@pytest.fixture
def market(monkeypatch):
    """A function that lists apps and models, and returns a connection."""

    def listing(apps=(), models=()):
        async def open_offers(conn, kind, asset=None):
            return [each for each in (apps if kind == "App" else models) if asset in (None, each.address)]

        class Assets:
            def __init__(self, hub) -> None:
                pass

            async def is_registered(self, kind, address):
                return address == FIRST

        monkeypatch.setattr(resolve, "open_offers", open_offers)
        monkeypatch.setattr(resolve, "Assets", Assets)
        monkeypatch.setattr(resolve, "shipped_app_digests", lambda name, python: {DIGEST})
        return SimpleNamespace(address=ME, hub=None, network=network())

    return listing


async def test_an_address_is_taken_if_it_is_registered(market):
    conn = market()
    assert await find_model(conn, FIRST.upper().replace("0X", "0x")) == FIRST
    assert await find_app(conn, offer(FIRST)) == FIRST
    with pytest.raises(NotFound, match="no app is registered at"):
        await find_app(conn, SECOND)


async def test_a_name_means_the_one_asset_that_has_it(market):
    conn = market(models=[offer(FIRST), offer(FIRST), offer(SECOND, "cars")])
    assert await find_model(conn, "faces") == FIRST
    with pytest.raises(OrderRefused, match="nobody offers a model called 'boats'"):
        await find_model(conn, "boats")


async def test_a_name_of_two_assets_is_refused_with_both_addresses(market):
    conn = market(models=[offer(SECOND), offer(FIRST, owner=ME)])
    with pytest.raises(InputRefused, match=f"2 models are called 'faces'; give an address: {FIRST}, {SECOND}"):
        await find_model(conn, "faces")
    assert await find_model(conn, "faces", own=True) == FIRST


async def test_an_own_app_is_never_a_strangers(market):
    with pytest.raises(InputRefused, match="belongs to another account"):
        await find_app(market(apps=[offer(FIRST, "mine")]), "mine", own=True)


async def test_a_shipped_app_is_identified_by_its_code_not_by_its_name(market):
    forged = offer(FIRST, "onnx-runner", digest=FORGED)
    apps = [forged, offer(SECOND, "renamed"), offer(THIRD, "onnx-runner")]
    conn = market(apps=apps, models=[offer(FIRST, app=THIRD)])
    assert await find_app(conn, "onnx-runner") == SECOND
    assert await find_app(conn, "onnx-runner", model=FIRST) == THIRD, "the one to which the model is offered"
    with pytest.raises(OrderRefused, match="offer it with: sealgrid app deploy onnx-runner"):
        await find_app(market(apps=[forged]), "onnx-runner")
    assert is_shipped("onnx-runner")
    assert not is_shipped(FIRST)


def test_an_account_is_an_address_or_a_development_account_of_a_local_network():
    local = SimpleNamespace(network=network(folder="/nowhere"))
    assert find_account(local, "owner") == development_key("owner").address
    assert find_account(local, FIRST) == FIRST
    with pytest.raises(InputRefused, match="'owner' is not an account"):
        find_account(SimpleNamespace(network=network()), "owner")
