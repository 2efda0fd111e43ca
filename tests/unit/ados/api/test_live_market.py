"""The market as the API reads it: once for many requests, and never more of a stranger's model than the app takes."""

import json
from types import SimpleNamespace

import pytest

from sealgrid.ados.api.live_market import FRESH_SECONDS, MAX_SEALED, LiveMarket
from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.errors import InputRefused
from sealgrid.shipped_apps.ados.quality.messages import MAX_SENSORS

OFFER = SimpleNamespace(
    app="0xapp", buyer=None, uses=3, address="0xmodel", name="m@1", owner="0xowner", digest="0x" + "ab" * 32, price=5
)


class Models:
    """One model on sale, with a signature of this shape."""

    def __init__(self, shape, size=100_000):
        self.shape, self.size, self.read = shape, size, []

    async def list(self):
        self.read.append("list")
        return [OFFER]

    async def show(self, model):
        spec = TensorSpec(name="windows", dtype="float32", shape=self.shape)
        signature = None if self.shape is None else ModelSignature(inputs=(spec,), outputs=(), checked="structure")
        return SimpleNamespace(signature=signature, location="")

    async def card(self, model, *, limit):
        self.read.append("card")
        if self.size > limit:
            raise InputRefused("too large.")
        return "- **Sensors**: north, south\n"


def market(models, clock=lambda: 0.0):
    async def show(name):
        return SimpleNamespace(address="0xapp", name="ados", digest="0x" + "cd" * 32)

    client = SimpleNamespace(models=models, apps=SimpleNamespace(show=show), network=SimpleNamespace(chain=1))
    return LiveMarket(client, "ados", clock)


async def listed(models):
    return json.loads(await market(models).listing())["@graph"][1]


async def test_a_model_has_the_sensors_of_its_signature_and_card():
    shown = await listed(Models((None, 2, 12)))
    assert (shown["aom:nNodes"], shown["aom:idNodes"]) == (2, ["north", "south"])


async def test_a_model_without_a_signature_has_the_sensors_of_its_card():
    shown = await listed(Models(None))
    assert (shown["aom:nNodes"], shown["aom:idNodes"]) == (2, ["north", "south"])


@pytest.mark.parametrize("sensors", [10**9, MAX_SENSORS + 1])
async def test_a_model_that_claims_more_sensors_than_the_app_takes_has_none_and_its_card_is_not_read(sensors):
    models = Models((None, sensors, 12))
    assert "aom:nNodes" not in await listed(models)
    assert models.read == ["list"]


async def test_a_large_file_is_not_read_for_its_card():
    assert "aom:nNodes" not in await listed(Models(None, size=MAX_SEALED + 1))


async def test_the_market_is_read_once_for_the_requests_of_some_seconds():
    now, models = [0.0], Models((None, 2, 12))
    live = market(models, lambda: now[0])
    first = await live.listing()
    assert await live.listing() is first
    now[0] = FRESH_SECONDS + 1
    assert await live.listing() is not first
    assert models.read == ["list", "card", "list"]  # a card never changes
