"""The newer version of an asset: by its owner, of the same name, with the highest number."""

from types import SimpleNamespace

import pytest

from sealgrid.sdk.operations import newer_versions
from sealgrid.sdk.operations.newer_versions import announce_newer, newer_version
from sealgrid.units import to_address

ME, OTHER, ASSET = (to_address(bytes([number]) * 20) for number in range(1, 4))


@pytest.fixture
def market(monkeypatch):
    """A function that names the asset and lists offers, as (name, owner), and returns a connection."""

    def listing(name, *offers):
        async def open_offers(conn, kind, *, owner):
            listed = [SimpleNamespace(name=each, address=each, place=place) for place, (each, _) in enumerate(offers)]
            return [each for each in listed if offers[each.place][1] == owner]

        class Assets:
            def __init__(self, hub) -> None:
                pass

            async def owner(self, asset):
                return ME

        class Facts:
            async def read(self, kind, asset):
                return SimpleNamespace(name=name)

        async def changelog_of(conn, app):
            return f"## 1.1.0\n- Is {app}.\n\n## 1.0.0\n- Reads.\n"

        monkeypatch.setattr(newer_versions, "open_offers", open_offers)
        monkeypatch.setattr(newer_versions, "Assets", Assets)
        monkeypatch.setattr(newer_versions, "changelog_of", changelog_of)
        return SimpleNamespace(hub=None, asset_facts=Facts())

    return listing


async def test_the_newest_version_of_the_owner_is_found(market):
    conn = market("faces@2", ("faces@10", ME), ("faces@9", ME), ("faces@2", ME), ("faces@11", OTHER), ("cars@12", ME))
    assert (await newer_version(conn, "Dataset", ASSET)).name == "faces@10"


async def test_the_cheapest_of_several_offers_of_a_version_is_found(market):
    conn = market("faces", ("faces@2", ME), ("faces@2", ME))
    assert (await newer_version(conn, "Dataset", ASSET)).place == 0, "the market lists the cheapest first"


@pytest.mark.parametrize("name", ["faces@2", "faces@3", "cars"])
async def test_no_older_version_and_no_other_name_is_newer(market, name):
    conn = market(name, ("faces", ME), ("faces@2", ME))
    assert await newer_version(conn, "Dataset", ASSET) is None


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("App", "a newer version of this app is offered: reader@2 (1.1.0: Is reader@2.)"),
        ("Dataset", "a newer version of this model is offered: reader@2"),
    ],
)
async def test_a_buyer_is_told_of_a_newer_version_and_what_changed_in_an_app(market, kind, words):
    steps = []
    await announce_newer(market("reader", ("reader@2", ME)), kind, ASSET, steps.append)
    assert [(step.what, step.lasting) for step in steps] == [(words, True)]


async def test_a_buyer_of_the_newest_version_is_told_nothing(market):
    steps = []
    await announce_newer(market("reader@2", ("reader@2", ME)), "App", ASSET, steps.append)
    assert steps == []
