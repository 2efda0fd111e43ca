"""The app store: pages of apps, search, and addresses without an app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec

from sealgrid.bundle.archive import pack
from sealgrid.bundle.input_spec import ArgumentSpec, FileSpec, InputSpec
from sealgrid.bundle.manifest import MANIFEST, SCHEMA_WITH_INPUTS, AppFileEntry, Manifest
from sealgrid.crypto.digests import sha256
from sealgrid.units import Digest, to_digest
from sealgrid.web.index.reader import CARDS_PER_PAGE
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.site import Site
from sealgrid.wire.storage import location
from tests.unit.web.index.index_rows import APPS, asset_row, trail_of
from tests.unit.web.site_scene import EmptyStorage, browser, open_site


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
async def site_with_app(folder: Path, inputs: InputSpec | None) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a browser of a site with one app in its index and its storage."""
    files = {"main.py": b"pass", "example.json": b"[1]"}
    entries = tuple(
        AppFileEntry(path=path, size=len(content), sha256=to_digest(sha256(content)))
        for path, content in sorted(files.items())
    )
    manifest = Manifest(name="reader", version="1", python="3.11", entrypoint=("main.py",), files=entries)
    if inputs is not None:
        manifest = msgspec.structs.replace(manifest, schema=SCHEMA_WITH_INPUTS, inputs=inputs)
    archive = pack({**files, MANIFEST: manifest.encode()})
    async with open_site(folder, storage=OneFile(archive)) as site:
        row = asset_row(7, "App", location(to_digest(sha256(archive))), manifest.digest())
        store = IndexStore(folder / "index.sqlite", "0x" + "11" * 32)
        store.write(IndexedBlocks(assets=(row,)), trail_of([0]))
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
