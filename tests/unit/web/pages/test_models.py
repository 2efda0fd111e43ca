"""The data marketplace: its list, addresses without a model, and logs that cannot be read."""

import io
from pathlib import Path
from typing import Any

import pytest

from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.crypto import container
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import ServiceUnavailable
from sealgrid.sdk.model_cards import CardSubject, ModelCard, encode_card
from sealgrid.units import Digest
from sealgrid.web.index.reader import AssetFilter
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.index.summaries import AssetSummary
from sealgrid.web.index.summary_store import SummaryStore
from sealgrid.web.pages import models as page
from sealgrid.web.site import Site
from tests.unit.web.index.index_rows import asset_row, trail_of
from tests.unit.web.site_scene import OWNER, EmptyStorage, browser, network, open_site

MODEL = f"0x{7:040x}"


def fill(folder: Path, **changes: object) -> None:
    store = IndexStore(folder / "index.sqlite", "0x" + "11" * 32)
    row = asset_row(7, "Dataset", "") | {"name": "plates"} | changes
    store.write(IndexedBlocks(assets=(row,)), trail_of([0]))
    store.close()


async def test_the_list_shows_a_model_without_an_offer(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        fill(tmp_path)
        shown = (await browser(site).get("/models")).text
    assert "plates" in shown
    assert f"/models/{MODEL}" in shown


@pytest.mark.parametrize("path", [f"/models/{OWNER}", f"/models/{OWNER}/uses"])
async def test_an_address_without_a_model_is_not_found(site: Site, path: str) -> None:
    assert (await browser(site).get(path)).status_code == 404


async def test_logs_that_cannot_be_verified_show_their_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unavailable(*_: object) -> Any:
        raise ServiceUnavailable("no vault serves its log.")

    monkeypatch.setattr(page, "usage_of", unavailable)
    async with open_site(tmp_path, logs=()) as site:
        fill(tmp_path)
        shown = (await browser(site).get(f"/models/{MODEL}/uses")).text
    assert "no vault serves its log." in shown


class OneSealedFile(EmptyStorage):
    """A storage node that answers with one sealed file."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        return self.content[offset : offset + length]


KEY, DOMAIN = SigningKey.from_bytes(b"\x11" * 32), Domain(chain=31337, broker=network().broker)


def sealed_with(signature: ModelSignature) -> OneSealedFile:
    """Return a node with a sealed file whose card has a signature of the owner ``KEY``."""
    card = encode_card(ModelCard("# Pets", signature), CardSubject(KEY.address, "plates", DOMAIN), KEY)
    sealed = io.BytesIO()
    container.seal(io.BytesIO(b"w"), sealed, dek=bytes(32), size=1, key_id=bytes(16), metadata=card)
    return OneSealedFile(sealed.getvalue())


async def test_the_page_shows_the_signature_that_the_owner_published(tmp_path: Path) -> None:
    signature = ModelSignature(
        inputs=(TensorSpec(name="pixels", dtype="float32", shape=("batch", 3, 224, 224)),),
        outputs=(TensorSpec(name="scores", dtype="float32", shape=(None, 2), classes=("cat", "<b>dog</b>")),),
        checked="inference",
    )
    async with open_site(tmp_path, storage=sealed_with(signature), domain=DOMAIN) as site:
        fill(tmp_path, owner=KEY.address)
        shown = (await browser(site).get(f"/models/{MODEL}")).text
    assert "Inputs and outputs" in shown
    assert "<code>pixels</code>" in shown
    assert "<code>[batch, 3, 224, 224]</code>" in shown
    assert "cat, &lt;b&gt;dog&lt;/b&gt;" in shown
    assert "ran it once before it was sealed" in shown


async def test_a_models_signature_is_served_with_an_input_that_it_takes(tmp_path: Path) -> None:
    pixels = TensorSpec(name="pixels", dtype="float32", shape=("batch", 2))
    signature = ModelSignature(inputs=(pixels,), outputs=(), checked="inference")
    async with open_site(tmp_path, storage=sealed_with(signature), domain=DOMAIN) as site:
        fill(tmp_path, owner=KEY.address)
        client = browser(site)
        example = await client.get(f"/models/{MODEL}/example.json")
        served = await client.get(f"/models/{MODEL}/signature.json")
    assert example.json() == {"pixels": [[0.5, 0.5]]}
    assert served.json()["inputs"] == [{"name": "pixels", "dtype": "float32", "shape": ["batch", 2]}]


async def test_a_model_without_a_signature_has_no_example(tmp_path: Path) -> None:
    async with open_site(tmp_path, domain=DOMAIN) as site:
        fill(tmp_path)
        client = browser(site)
        assert (await client.get(f"/models/{MODEL}/example.json")).status_code == 404
        assert (await client.get(f"/models/{MODEL}/signature.json")).json() is None


async def test_a_models_page_has_a_tab_with_its_versions_and_names_the_newer_one(tmp_path: Path) -> None:
    async with open_site(tmp_path, domain=DOMAIN) as site:
        rows = [
            asset_row(number, "Dataset", "") | {"name": name, "owner": owner}
            for number, name, owner in (
                (7, "plates", KEY.address),
                (8, "plates@2", KEY.address),
                (9, "plates@3", KEY.address),
                (6, "plates@9", OWNER),
                (5, "plates@x", KEY.address),
            )
        ]
        store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
        store.write(IndexedBlocks(assets=tuple(rows)), trail_of([0]))
        summaries = SummaryStore(store.engine)
        for row in site.index.cards("Dataset", AssetFilter()):
            summaries.write(row, AssetSummary())
        summaries.set_price(f"0x{8:040x}", 10**9, None, 1)
        store.close()
        client = browser(site)
        first, versions = (
            (await client.get(f"/models/{MODEL}")).text,
            (await client.get(f"/models/{MODEL}?tab=versions")).text,
        )
        second = (await client.get(f"/models/0x{8:040x}")).text
    assert f'A newer version is for sale: <a href="/models/0x{8:040x}">plates@2</a>' in first
    assert "A newer version" not in second, "plates@3 is not offered"
    listed = versions[versions.index('id="versions"') :]
    assert [name in listed for name in ("plates@3<", "plates@2<", "plates<")] == [True] * 3
    assert listed.index("plates@3<") < listed.index("plates@2<") < listed.index("plates<")
    assert [name in listed for name in ("plates@9", "plates@x")] == [False, False]
    assert "1 RLC" in listed


async def test_the_api_tab_has_what_programs_need(tmp_path: Path) -> None:
    pixels = TensorSpec(name="pixels", dtype="float32", shape=("batch", 2))
    signature = ModelSignature(inputs=(pixels,), outputs=(), checked="inference")
    async with open_site(tmp_path, storage=sealed_with(signature), domain=DOMAIN) as site:
        fill(tmp_path, owner=KEY.address)
        shown = (await browser(site).get(f"/models/{MODEL}?tab=api")).text
    for path in (f"/models/{MODEL}/signature.json", f"/models/{MODEL}/example.json"):
        assert f'href="{path}"' in shown
    assert "It is not offered now, so no run can be bought." in shown
