"""The name under which an account registers its next app or model."""

from types import SimpleNamespace

import pytest

from sealgrid.sdk.asset_facts import AssetFacts
from sealgrid.sdk.operations import own_names
from sealgrid.sdk.operations.own_names import next_name, own_assets
from sealgrid.units import to_address, to_digest

ME, FIRST, SECOND, THIRD = (to_address(bytes([number]) * 20) for number in range(1, 5))
OLD, NEW = to_digest(b"\x01" * 32), to_digest(b"\x02" * 32)
FACTS = {FIRST: AssetFacts("tidy", OLD), SECOND: AssetFacts("cars@4", NEW)}


@pytest.fixture
def conn(monkeypatch):
    class Assets:
        def __init__(self, hub) -> None:
            pass

        async def owned(self, kind, owner):
            assert owner == ME
            return tuple(FACTS)

    async def read(kind, asset):
        return FACTS[asset]

    monkeypatch.setattr(own_names, "Assets", Assets)
    return SimpleNamespace(address=ME, hub=None, asset_facts=SimpleNamespace(read=read))


async def test_an_own_name_is_registered_again_as_its_next_version(conn):
    assert await next_name(conn, "Dataset", "boats") == "boats"
    assert await next_name(conn, "Dataset", "tidy") == "tidy@2"
    assert await next_name(conn, "Dataset", "cars") == "cars@5"


async def test_a_name_that_another_client_chose_has_a_next_version(conn, monkeypatch):
    chosen = "a/b" * 30
    monkeypatch.setitem(FACTS, THIRD, AssetFacts(chosen, NEW))
    assert await next_name(conn, "Dataset", chosen) == f"{chosen}@2"


async def test_the_same_code_keeps_its_name(conn):
    assert await next_name(conn, "App", "tidy", checksum=OLD) == "tidy"
    assert await next_name(conn, "App", "tidy", checksum=NEW) == "tidy@2"


async def test_own_assets_have_their_names_and_checksums(conn):
    assert [(each.address, each.name, each.checksum) for each in await own_assets(conn, "App")] == [
        (FIRST, "tidy", OLD),
        (SECOND, "cars@4", NEW),
    ]
