"""Names are not unique on a chain: which address a name means, and when it means none."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.errors import InputRefused, NotFound, OrderRefused
from sealgrid.sdk.operations import newer_versions, resolve
from sealgrid.sdk.operations.resolve import find_account, find_app, find_model, find_offered, is_shipped
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from tests.unit.sdk.network_file import network

ME, OTHER, FIRST, SECOND, THIRD = (to_address(bytes([number]) * 20) for number in range(1, 6))
DIGEST, FORGED = to_digest(b"\x01" * 32), to_digest(b"\x02" * 32)


def unoffered(address, name="faces"):
    return SimpleNamespace(address=address, name=name)


def offer(address, name="faces", owner=OTHER, digest=DIGEST, app=None):
    return SimpleNamespace(address=address, name=name, owner=owner, digest=digest, app=app)


@pytest.fixture
def market(monkeypatch):
    """A function that lists apps and models, and own ones that are not offered, and returns a connection."""

    def listing(apps=(), models=(), owned=()):
        async def open_offers(conn, kind, asset=None, *, owner=None):
            known = apps if kind == "App" else models
            return [each for each in known if asset in (None, each.address) and owner in (None, each.owner)]

        async def own_assets(conn, kind):
            return owned

        class Assets:
            def __init__(self, hub) -> None:
                pass

            async def is_registered(self, kind, address):
                return address == FIRST

            async def owner(self, asset):
                return next((each.owner for each in (*apps, *models) if each.address == asset), ME)

        class Facts:
            async def read(self, kind, asset):
                return next((each for each in (*apps, *models, *owned) if each.address == asset), offer(asset))

        async def changelog_of(conn, app):
            return "## 1.1.0\n- Reads more."

        for module in (resolve, newer_versions):
            monkeypatch.setattr(module, "open_offers", open_offers)
            monkeypatch.setattr(module, "Assets", Assets)
        monkeypatch.setattr(newer_versions, "changelog_of", changelog_of)
        monkeypatch.setattr(resolve, "own_assets", own_assets)
        monkeypatch.setattr(resolve, "shipped_app_digests", lambda name, python: {DIGEST})
        return SimpleNamespace(address=ME, hub=None, network=network(), asset_facts=Facts())

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


async def test_an_own_model_comes_first(market):
    conn = market(models=[offer(SECOND), offer(FIRST, owner=ME)], apps=[offer(THIRD, "reader")])
    assert await find_model(conn, "faces") == FIRST
    assert await find_model(conn, "faces", own=True) == FIRST
    assert await find_offered(conn, "reader", "faces") == (THIRD, FIRST)


async def test_an_own_model_that_is_not_offered_is_still_found(market):
    conn = market(models=[offer(SECOND, "other", owner=THIRD)], owned=[unoffered(FIRST)])
    assert await find_model(conn, "faces") == FIRST
    assert await find_model(conn, "faces", own=True) == FIRST


async def test_an_own_model_that_is_not_offered_does_not_come_before_a_strangers_offer(market):
    conn = market(models=[offer(SECOND, owner=THIRD)], owned=[unoffered(FIRST)])
    assert await find_model(conn, "faces", own=True) == FIRST
    with pytest.raises(InputRefused, match=f"2 accounts have a model called 'faces'.*'{ME}/faces', '{THIRD}/faces'"):
        await find_model(conn, "faces")
    assert await find_model(conn, f"{ME}/faces") == FIRST
    assert (await find_offered(conn, offer(FIRST), "faces"))[1] == SECOND, "only what is offered can be bought"


@pytest.mark.parametrize("planted", ["reader", "reader@2"])
async def test_an_app_that_a_stranger_registered_for_this_account_is_not_selected(market, planted):
    own, foreign = offer(FIRST, "reader", owner=ME), unoffered(SECOND, planted)
    on_sale = market(apps=[own], owned=[unoffered(FIRST, "reader"), foreign])
    for only_own in (True, False):
        assert await find_app(on_sale, "reader", own=only_own) == FIRST
    sold_out = market(owned=[unoffered(FIRST, "reader"), foreign])
    for only_own in (True, False):
        with pytest.raises(InputRefused, match=f"2 apps of this account are called 'reader'.*: {FIRST}, {SECOND}"):
            await find_app(sold_out, "reader", own=only_own)


async def test_a_version_names_an_own_app_that_is_not_offered(market):
    apps, owned = [offer(FIRST, "reader", owner=ME)], [unoffered(FIRST, "reader"), unoffered(SECOND, "reader@2")]
    assert await find_app(market(apps=apps, owned=owned), "reader@2", own=True) == SECOND


async def test_a_strangers_homonym_for_another_app_does_not_count(market):
    apps = [offer(THIRD, "reader"), offer(FIRST, "other")]
    conn = market(models=[offer(FIRST, app=THIRD), offer(SECOND, owner=THIRD, app=FIRST)], apps=apps)
    assert await find_offered(conn, "reader", "faces") == (THIRD, FIRST)
    assert await find_offered(conn, "other", "faces") == (FIRST, SECOND)


async def test_a_name_of_two_accounts_is_completed_by_the_account(market):
    conn = market(models=[offer(SECOND, owner=THIRD), offer(FIRST)])
    with pytest.raises(InputRefused, match=f"2 accounts have a model called 'faces'.*'{OTHER}/faces', '{THIRD}/faces'"):
        await find_model(conn, "faces")
    assert await find_model(conn, f"{OTHER}/faces") == FIRST
    assert await find_model(conn, f"{THIRD}/faces@1") == SECOND
    with pytest.raises(OrderRefused, match="nobody offers a model called 'faces'"):
        await find_model(conn, f"{SECOND}/faces")


async def test_the_newest_version_is_meant_unless_one_is_named(market):
    models = [offer(FIRST), offer(SECOND, "faces@2"), offer(THIRD, "faces@3", owner=ME)]
    conn = market(models=models[:2], apps=[offer(THIRD, "reader")])
    steps = []
    assert await find_offered(conn, "reader", "faces", steps.append) == (THIRD, SECOND)
    assert steps == []
    assert await find_offered(conn, "reader", "faces@1", steps.append) == (THIRD, FIRST)
    assert [(step.what, step.lasting) for step in steps] == [
        ("a newer version of this model is offered: faces@2", True)
    ]
    assert await find_offered(conn, "reader", offer(FIRST), steps.append) == (THIRD, FIRST)
    assert len(steps) == 2, "a buyer by address is told as well"


async def test_the_buyer_of_an_old_app_learns_what_a_newer_version_changed(market):
    conn = market(apps=[offer(FIRST, "reader"), offer(SECOND, "reader@2"), offer(THIRD, "reader@3", owner=THIRD)])
    steps = []
    assert await find_offered(conn, "reader@2", None, steps.append) == (SECOND, ZERO_ADDRESS)
    assert steps == [], "a stranger's app of this name is no version of it"
    assert await find_offered(conn, offer(FIRST), None, steps.append) == (FIRST, ZERO_ADDRESS)
    assert [step.what for step in steps] == ["a newer version of this app is offered: reader@2 (1.1.0: Reads more.)"]


async def test_two_assets_of_one_account_with_one_name_need_an_address(market):
    conn = market(models=[offer(SECOND), offer(FIRST)])
    with pytest.raises(InputRefused, match=f"2 models of one account are called 'faces'; .*{FIRST}, {SECOND}"):
        await find_model(conn, "faces")


async def test_a_misspelt_name_gets_a_suggestion(market):
    with pytest.raises(OrderRefused, match=r"called 'face' right now.*Did you mean 'faces'\?"):
        await find_model(market(models=[offer(FIRST)]), "face")


async def test_an_owner_who_misspells_an_own_name_is_not_sent_to_its_owner(market):
    conn = market(models=[offer(FIRST, "faces", owner=ME)])
    with pytest.raises(OrderRefused, match=r"this account has no model called 'face'\. Did you mean 'faces'\?"):
        await find_model(conn, "face", own=True)


async def test_an_own_app_is_never_a_strangers(market):
    with pytest.raises(InputRefused, match="belongs to another account"):
        await find_app(market(apps=[offer(FIRST, "mine")]), "mine", own=True)


async def test_a_shipped_app_is_identified_by_its_code_not_by_its_name(market):
    forged = offer(FIRST, "onnx-runner", digest=FORGED)
    apps = [forged, offer(SECOND, "renamed"), offer(THIRD, "onnx-runner")]
    conn = market(apps=apps, models=[offer(FIRST, app=THIRD)])
    assert await find_app(conn, "onnx-runner") == SECOND
    chosen, _ = await find_offered(conn, "onnx-runner", FIRST)
    assert chosen == THIRD, "the one to which the model is offered"
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
