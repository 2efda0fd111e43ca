"""The app store: pages of apps, search, and addresses without an app."""

from pathlib import Path

from sealgrid.web.index.reader import CARDS_PER_PAGE
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.site import Site
from tests.unit.web.index.index_rows import APPS, asset_row, trail_of
from tests.unit.web.site_scene import browser, open_site


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


async def test_htmx_gets_the_cards_only(site: Site) -> None:
    assert "<html" not in (await browser(site).get("/", headers={"hx-request": "1"})).text


async def test_an_address_without_an_app_is_not_found(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
        store.write(IndexedBlocks(assets=(asset_row(1, "Dataset", ""),)), trail_of([0]))
        store.close()
        for address in (f"0x{1:040x}", APPS[0]):
            assert (await browser(site).get(f"/apps/{address}")).status_code == 404
