"""The compute market: each category's offers, the cheapest first, with those for everyone in the chart."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sealgrid.poco.orders import WorkerpoolOrder, to_document
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.web.index.reader import PAGE_SIZE
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.site import Site
from sealgrid.wire.market import OpenOrder
from sealgrid.wire.pool import PoolView, QueueView
from tests.unit.web.index.index_rows import asset_row, trail_of
from tests.unit.web.site_scene import OWNER, VISITOR, browser, open_site


def open_order(price: int, buyer: str = ZERO_ADDRESS) -> OpenOrder:
    order = WorkerpoolOrder(workerpool=OWNER, workerpoolprice=price, volume=4, requesterrestrict=buyer)
    document: dict[str, Any] = dict(to_document(order))
    return OpenOrder(
        orderHash="0x" + "00" * 32,
        chainId=1,
        order=document,
        remaining=4,
        status="open",
        publicationTimestamp="2026-01-01T00:00:00.000Z",
        signer=OWNER,
    )


async def test_offers_are_sorted_by_price_and_only_public_ones_are_in_the_chart(tmp_path: Path) -> None:
    async def orders(kind: str, **query: str) -> list[OpenOrder]:
        return [open_order(5 * 10**9), open_order(2 * 10**9), open_order(10**9, buyer=VISITOR)]

    async with open_site(tmp_path, market=SimpleNamespace(orders=orders)) as site:
        shown = (await browser(site).get("/compute")).text
    assert "8 tasks on offer to everyone, from 2 RLC to 5 RLC each" in shown
    assert shown.index("1 RLC") < shown.index("2 RLC") < shown.index("5 RLC")


async def test_an_address_without_a_pool_is_not_found(site: Site) -> None:
    assert (await browser(site).get(f"/pools/{OWNER}")).status_code == 404


async def test_pools_are_listed_in_pages(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        store = IndexStore(tmp_path / "index.sqlite", to_digest(b"\x11" * 32))
        rows = tuple(asset_row(n, "Workerpool", "") | {"name": f"pool {n:02}"} for n in range(PAGE_SIZE + 1))
        store.write(IndexedBlocks(assets=rows), trail_of([0]))
        store.close()
        first, second = [(await browser(site).get(f"/compute?page={page}")).text for page in (0, 1)]
    names = {f"pool {n:02}" for n in range(PAGE_SIZE + 1)}
    on_first, on_second = ({name for name in names if name in page} for page in (first, second))
    assert (len(on_first), len(on_second), on_first | on_second) == (PAGE_SIZE, 1, names)
    assert ('href="/compute?page=1"' in first, 'rel="next"' in second) == (True, False)


async def test_the_queue_of_this_networks_pool_is_shown_and_read_again(tmp_path: Path) -> None:
    counts = QueueView(waiting=1200, working=3, completed=1, refunded=0)

    async def view() -> PoolView:
        return PoolView(workerpool=OWNER, owner=OWNER, workers=2, seconds=1000, queue=counts)

    async with open_site(tmp_path, pool=SimpleNamespace(view=view)) as site:
        store = IndexStore(tmp_path / "index.sqlite", to_digest(b"\x11" * 32))
        row = asset_row(1, "Workerpool", "") | {"address": site.network.workerpool, "name": "main"}
        other = asset_row(2, "Workerpool", "") | {"name": "other"}
        store.write(IndexedBlocks(assets=(row, other)), trail_of([0]))
        store.close()
        client, path = browser(site), f"/pools/{site.network.workerpool}/queue"
        page = (await client.get("/compute")).text
        fragment = (await client.get(path, headers={"hx-request": "true"})).text
        unknown = (await client.get(f"/pools/{other['address']}/queue")).text
    assert page.count(f'hx-get="{path}"') == page.count("every 5s") == 1
    assert "<b>1,200</b> tasks wait" in fragment
    assert "2 machines active in the last minute" in fragment
    assert "Its number of machines is unknown to this site." in unknown
