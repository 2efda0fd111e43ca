"""Events of an account over HTTP, in words, and the form of a webhook."""

from pathlib import Path

import pytest

from sealgrid.web.index.events import AccountEvent
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.pages.notifications import event_sentence
from sealgrid.web.site import Site
from tests.unit.web.index.index_rows import APPS, asset_row, block, trail_of
from tests.unit.web.site_scene import ORIGIN, OWNER, WALLET, browser, open_site


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (AccountEvent("done", 1, "0x1", APPS[0], "reader", state="completed"), "Your run of reader is complete."),
        (AccountEvent("done", 1, "0x1", APPS[0], "reader", state="refunded"), "Your run of reader was refunded."),
        (AccountEvent("sold", 1, "0x1", APPS[0], "plates"), "A run of plates was sold."),
        (AccountEvent("expiring", 1, "0x1", APPS[0], "plates", ends=86400), "The sale of plates ends on 1970-01-02."),
    ],
)
def test_an_event_is_a_sentence(event: AccountEvent, text: str) -> None:
    assert event_sentence(event) == text


async def test_events_are_those_of_the_named_account_or_the_visitor(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        store = IndexStore(tmp_path / "index.sqlite", "0x" + "11" * 32)
        rows = block(1, 0)
        asset = asset_row(1, "App", "") | {"address": rows.tasks[0]["app"], "name": "reader", "owner": OWNER}
        store.write(IndexedBlocks(assets=(asset,), tasks=rows.tasks, deals=rows.deals), trail_of([0, 0]))
        store.close()
        client = browser(site)
        sold = (await client.get(f"/account/events.json?account={OWNER}&since=0")).json()
        nobody = (await client.get("/account/events.json?since=0")).json()
        malformed = await client.get("/account/events.json?account=0x12")
    assert [event["text"] for event in sold["events"]] == ["A run of reader was sold."]
    assert sold["now"] == 1000
    assert nobody["events"] == []
    assert malformed.status_code == 404


@pytest.mark.parametrize("since", ["x", "-1", "", "9" * 30])
async def test_a_malformed_start_means_from_now_on(site: Site, since: str) -> None:
    assert (await browser(site).get(f"/account/events.json?account={OWNER}&since={since}")).json()["events"] == []


@pytest.mark.parametrize("cookies", [{}, WALLET])
async def test_a_webhook_is_for_the_sites_own_wallets_only(site: Site, cookies: dict[str, str]) -> None:
    refused = await browser(site, cookies).post("/account/webhook", data={"url": ORIGIN}, headers={"origin": ORIGIN})
    assert (refused.status_code, "own wallets only" in refused.text) == (400, True)
