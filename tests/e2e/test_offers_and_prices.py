"""Owners change the price of apps and models, end their sale, and offer them again."""

import asyncio

import pytest
import pytest_asyncio

import sealgrid
from sealgrid.errors import NotFound, OrderRefused
from tests.e2e.shell import Shell
from tests.unit.shipped_apps.onnx_writer import passing

pytestmark = [
    pytest.mark.localnet,
    pytest.mark.filterwarnings("ignore::sealgrid.sdk.simulated_warning.SimulatedPlatformWarning"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def owner(localnet):
    async with sealgrid.connect_async("owner", data=localnet.layout.root) as me:
        yield me


def terms(listing) -> list[tuple[str, int, str | None]]:
    return [(str(offer.price), offer.uses, offer.buyer) for offer in listing.offers]


async def test_a_models_new_price_keeps_its_uses_and_its_buyers(localnet, owner, tmp_path):
    (tmp_path / "dearer.onnx").write_bytes(passing((1, 3)))
    model = await owner.models.publish(tmp_path / "dearer.onnx", price="3", uses=7)
    granted = await owner.models.grant(model, "requester")
    done = await owner.models.reprice(model, "4.5")
    assert (done.offers, done.uses, done.unreached) == (1, 7, ())
    assert terms(await owner.models.show(model)) == [("4.5 RLC", 7, granted.access)]
    assert (await owner.models.reprice(model, "4.5")).offers == 0, "an offer at that price stays"
    async with sealgrid.connect_async("thief", data=localnet.layout.root) as thief:
        with pytest.raises(NotFound, match="offers no uses"):
            await thief.models.reprice(model.address, "0")
        with pytest.raises(OrderRefused):
            await thief.models.offer(model.address, price="0")


async def test_an_unlisted_model_is_offered_again_on_its_last_terms(owner, tmp_path):
    (tmp_path / "again.onnx").write_bytes(passing((1, 3)))
    model = await owner.models.publish(tmp_path / "again.onnx", price="3")
    granted = await owner.models.grant(model, "requester")
    await owner.models.unlist(model)
    assert terms(await owner.models.show(model)) == []
    again = await owner.models.offer(model, price="2", uses=5)
    assert terms(again) == [("2 RLC", 5, granted.access)]


async def test_a_models_card_is_public_and_stays_after_resealing(localnet, owner, tmp_path):
    (tmp_path / "carded.onnx").write_bytes(passing((1, 3)))
    model = await owner.models.publish(tmp_path / "carded.onnx", price="3", card="# Passes\n\nthree numbers on")
    async with sealgrid.connect_async("stranger", data=localnet.layout.root) as stranger:
        assert await stranger.models.card(model) == "# Passes\n\nthree numbers on"
        signature = (await stranger.models.show(model)).signature
    assert signature == model.signature
    assert [(each.name, each.dtype, each.shape) for each in signature.inputs] == [("x", "float32", (1, 3))]
    rotated = await owner.models.rotate(model, reseal=True)
    assert await owner.models.card(rotated.address) == "# Passes\n\nthree numbers on"
    assert (await owner.models.show(rotated.address)).signature == signature


async def test_an_owner_may_withhold_the_signature(owner, tmp_path):
    (tmp_path / "withheld.onnx").write_bytes(passing((1, 3)))
    model = await owner.models.publish(tmp_path / "withheld.onnx", price="3", card="text", withhold_signature=True)
    assert (model.signature, (await owner.models.show(model)).signature) == (None, None)
    assert await owner.models.card(model) == "text"


async def test_a_presigned_offer_is_bought(localnet, owner, tmp_path):
    (tmp_path / "main.py").write_text(
        "import json, os, pathlib\n"
        "out = pathlib.Path(os.environ['IEXEC_OUT'])\n"
        "(out / 'result.txt').write_text('signed on the chain')\n"
        "(out / 'computed.json').write_text(json.dumps({'deterministic-output-path': str(out / 'result.txt')}))\n"
    )
    (tmp_path / "app.toml").write_text('name = "presigned"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    app = await owner.apps.deploy(tmp_path, price="1")
    await owner.apps.unlist(app)
    shell = Shell(tmp_path, localnet.layout.root)
    offer = ("app", "offer", app.address, "--price", "0.5", "--uses", "1", "--presign", "--account", "owner")
    assert "0.5 RLC for each of 1 uses, signed on the chain" in await asyncio.to_thread(shell.output, *offer)
    async with sealgrid.connect_async("requester", data=localnet.layout.root) as requester:
        (offered,) = await requester._conn.market.orders("apporders", app=app.address, workerpool="any")
        assert (offered.order["sign"], offered.presigned) == ("0x", True)
        assert "signed on chain" in await localnet.page(f"/apps/{app.address}")
        run = await requester.run(app.address)
        assert (await run.result()).files["result.txt"] == b"signed on the chain"


async def test_an_apps_owner_changes_its_price_ends_its_sale_and_sells_it_again(localnet, owner, tmp_path):
    (tmp_path / "main.py").write_text("print('priced')")
    (tmp_path / "app.toml").write_text('name = "priced"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    app = await owner.apps.deploy(tmp_path, price="1", uses=9)
    assert (await owner.apps.reprice(app, "0.5")).uses == 9
    assert terms(await owner.apps.show(app)) == [("0.5 RLC", 9, None)]
    async with sealgrid.connect_async("thief", data=localnet.layout.root) as thief:
        with pytest.raises(NotFound, match="offers no uses"):
            await thief.apps.unlist(app.address)
        with pytest.raises(OrderRefused):
            await thief.apps.offer(app.address, price="0")
    assert (await owner.apps.unlist(app)).cancelled == 1
    assert terms(await owner.apps.show(app)) == []
    assert terms(await owner.apps.offer(app, price="2", uses=3)) == [("2 RLC", 3, None)]
