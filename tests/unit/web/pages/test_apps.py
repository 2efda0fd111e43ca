"""The app store: pages of apps, search, and addresses without an app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest

from sealgrid.bundle.archive import pack
from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec
from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.manifest import MANIFEST, SCHEMA_WITH_INPUTS, AppFileEntry, Manifest
from sealgrid.crypto.digests import sha256
from sealgrid.poco.orders import AppOrder, to_document
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.units import Address, Digest, to_digest
from sealgrid.web.index.reader import CARDS_PER_PAGE
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.site import Site
from sealgrid.wire.storage import location
from tests.unit.web.index.index_rows import APPS, asset_row, trail_of
from tests.unit.web.site_scene import OWNER, EmptyMarket, EmptyStorage, browser, open_site


def fill(folder: Path, count: int) -> None:
    store = IndexStore(folder / "index.sqlite", "0x" + "11" * 32)
    assets = tuple(asset_row(n, "App", "") | {"name": f"app-{n:02}"} for n in range(1, count + 1))
    store.write(IndexedBlocks(assets=assets), trail_of([0]))
    store.close()


async def test_the_list_has_pages_and_a_search(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        fill(tmp_path, CARDS_PER_PAGE + 1)
        client = browser(site)
        first, second, search = [(await client.get(path)).text for path in ("/", "/?page=1", "/?q=app-03")]
    assert (first.count("/apps/0x"), 'rel="next"' in first) == (CARDS_PER_PAGE, True)
    assert (second.count("/apps/0x"), 'rel="next"' in second) == (1, False)
    assert search.count("/apps/0x") == 1


async def test_the_next_page_of_a_list_has_the_same_filters(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        fill(tmp_path, CARDS_PER_PAGE + 1)
        shown = (await browser(site).get("/?q=app&sort=name&max_price=")).text
        refused = await browser(site).get("/?max_price=cheap")
    assert "?page=1&amp;q=app&amp;sort=name" in shown
    assert '<option value="name" selected>' in shown
    assert (refused.status_code, "is not a valid amount" in refused.text) == (400, True)


async def test_htmx_gets_the_cards_only(site: Site) -> None:
    assert "<html" not in (await browser(site).get("/", headers={"hx-request": "1"})).text


async def test_an_address_without_an_app_is_not_found(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
        store.write(IndexedBlocks(assets=(asset_row(1, "Dataset", ""),)), trail_of([0]))
        store.close()
        for address in (f"0x{1:040x}", APPS[0]):
            assert (await browser(site).get(f"/apps/{address}")).status_code == 404


class OneFile(EmptyStorage):
    """A storage node with one file."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        return self._content


APP_PATH = f"/apps/0x{7:040x}"
INPUTS = InputSpec(
    model="required",
    model_format="onnx",
    files=FileSpec(media_types=("application/json",), example="example.json"),
    arguments=(ArgumentSpec(name="--top", type="integer", minimum=1),),
)


@asynccontextmanager
async def site_with_app(
    folder: Path, inputs: InputSpec | None, *more: dict[str, Any], market: EmptyMarket | None = None, **changes: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a browser of a site with one app in its index and its storage, and ``more`` rows in its index."""
    files = {"main.py": b"pass", "example.json": b"[1]", "CHANGELOG.md": b"## 1.1\n<script>alert(1)</script>"}
    entries = tuple(
        AppFileEntry(path=path, size=len(content), sha256=to_digest(sha256(content)))
        for path, content in sorted(files.items())
    )
    manifest = Manifest(name="reader", version="1", python="3.11", entrypoint=("main.py",), files=entries)
    if inputs is not None:
        manifest = msgspec.structs.replace(manifest, schema=SCHEMA_WITH_INPUTS, inputs=inputs)
    archive = pack({**files, MANIFEST: manifest.encode()})
    async with open_site(folder, storage=OneFile(archive), market=market or EmptyMarket()) as site:
        row = asset_row(7, "App", location(to_digest(sha256(archive))), manifest.digest()) | changes
        store = IndexStore(folder / "index.sqlite", "0x" + "11" * 32)
        store.write(IndexedBlocks(assets=(row, *more)), trail_of([0]))
        store.close()
        yield browser(site)


async def test_an_apps_inputs_are_served_as_schema_and_example(tmp_path: Path) -> None:
    async with site_with_app(tmp_path, INPUTS) as client:
        schema = await client.get(f"{APP_PATH}/inputs.schema.json")
        example = await client.get(f"{APP_PATH}/example")
        page = (await client.get(APP_PATH)).text
        of_another = await client.get(APP_PATH + "?model=0x22;id")
    assert schema.headers["content-type"] == "application/schema+json"
    assert schema.json()["required"] == ["model", "files"]
    assert schema.json()["properties"]["args"]["properties"] == {"--top": {"type": "integer", "minimum": 1}}
    assert example.content == b"[1]"
    assert example.headers["content-disposition"].endswith("example.json")
    assert of_another.status_code == 404, "its text would be in the code to copy"
    assert "input.json" in page
    assert "input.png" not in page


async def test_an_app_without_inputs_has_no_example_and_a_schema_that_takes_anything(tmp_path: Path) -> None:
    async with site_with_app(tmp_path, None) as client:
        assert "properties" not in (await client.get(f"{APP_PATH}/inputs.schema.json")).json()
        assert (await client.get(f"{APP_PATH}/example")).status_code == 404
        assert (await client.get(f"/apps/0x{8:040x}/inputs.schema.json")).status_code == 404


async def test_a_shipped_app_is_marked_on_card_and_page(tmp_path: Path) -> None:
    shipped = shipped_bundle("hash-file", running_python())
    async with open_site(tmp_path, storage=OneFile(shipped.archive)) as site:
        row = asset_row(7, "App", shipped.multiaddr, shipped.app_digest) | {"name": "hash-file"}
        forged = asset_row(8, "App", "", to_digest(b"\x01" * 32)) | {"name": "<b>hash</b>-file@2"}
        store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
        store.write(IndexedBlocks(assets=(row, forged)), trail_of([0]))
        store.close()
        client = browser(site)
        cards, page = (await client.get("/")).text, (await client.get(APP_PATH)).text
    assert cards.count('<span class="mark">built from this release</span>') == 1
    assert page.count('<span class="mark">built from this release</span>') == 1
    assert "NOT built" not in cards, "its name is another one: it has tags in it"
    assert "<b>hash</b>" not in cards


@pytest.mark.parametrize("name", ["onnx-runner", "other"])
async def test_a_look_alike_says_that_it_is_one(tmp_path: Path, name: str) -> None:
    async with site_with_app(tmp_path, None, name=name) as client:
        cards, page = (await client.get("/")).text, (await client.get(APP_PATH)).text
    for text in (cards, page):
        assert ("NOT built from this release: other code under the name of a shipped app" in text) == (name != "other")
        assert ">built from this release<" not in text


class MarketWithOffers(EmptyMarket):
    """A market with an offer of one app."""

    def __init__(self, app: Address) -> None:
        self._app = app

    async def orders(self, kind: str, **query: str) -> list[Any]:
        if query.get("app") != self._app:
            return []
        order = to_document(AppOrder(app=self._app, volume=1))
        return [SimpleNamespace(order=order, owner=OWNER, left_of_offer=1, presigned=False)]


async def test_the_page_of_an_old_version_links_the_newest_offered_one_and_shows_the_changelog(tmp_path: Path) -> None:
    newer = [asset_row(n, "App", "") | {"name": f"reader@{n}"} for n in (8, 9)]
    market = MarketWithOffers(newer[0]["address"])
    async with site_with_app(tmp_path, None, *newer, market=market, name="reader") as client:
        page, newest = [(await client.get(path)).text for path in (APP_PATH, f"/apps/{newer[1]['address']}")]
    assert f'A newer version of this app is offered: <a href="/apps/{newer[0]["address"]}">reader@8</a>' in page
    assert "A newer version" not in newest
    assert "<summary>Changelog</summary>" in page
    assert "<script>alert" not in page
