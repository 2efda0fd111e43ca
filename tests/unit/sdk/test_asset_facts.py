"""Facts of an asset are read from the chain once for a connection."""

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.sdk.asset_facts import AssetFacts, AssetFactsReader
from sealgrid.units import to_address, to_digest

APP, OTHER = to_address(b"\x01" * 20), to_address(b"\x02" * 20)


class Registries:
    """Registries that count their reads."""

    def __init__(self) -> None:
        self.reads, self.available = 0, True

    async def name(self, kind, asset):
        self.reads += 1
        if not self.available:
            raise ServiceUnavailable("the chain does not answer.")
        return f"{kind} {asset[-1]}"

    async def checksum(self, kind, asset):
        return to_digest(bytes(32))


async def test_each_asset_is_read_once_and_by_its_kind():
    registries = Registries()
    reader = AssetFactsReader(registries)
    assert await reader.read("App", APP) == await reader.read("App", APP) == AssetFacts("App 1", to_digest(bytes(32)))
    assert (await reader.read("Dataset", APP)).name == "Dataset 1"
    assert (await reader.read("App", OTHER)).name == "App 2"
    assert registries.reads == 3


async def test_a_failed_read_is_repeated():
    registries = Registries()
    registries.available = False
    reader = AssetFactsReader(registries)
    with pytest.raises(ServiceUnavailable):
        await reader.read("App", APP)
    registries.available = True
    assert (await reader.read("App", APP)).name == "App 1"
