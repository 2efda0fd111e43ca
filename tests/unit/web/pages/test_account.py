"""The account page without a wallet, and the choice of a development account."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.units import Address, to_digest
from sealgrid.web.index.reader import PAGE_SIZE
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.pages import account
from sealgrid.web.site import Site
from sealgrid.web.wallets.dev_wallets import DevelopmentWallets
from tests.unit.sdk.network_file import network
from tests.unit.web.index.index_rows import asset_row, trail_of
from tests.unit.web.site_scene import ORIGIN, VISITOR, WALLET, browser, open_site


async def test_a_visitor_without_a_wallet_is_asked_to_connect_one(site: Site) -> None:
    shown = await browser(site).get("/account")
    assert shown.status_code == 200
    assert "wallet" in shown.text


async def test_only_a_listed_development_account_can_be_chosen(site: Site, tmp_path: Path) -> None:
    site = replace(site, dev_wallets=DevelopmentWallets(network(folder=str(tmp_path)), tmp_path))
    refused = await browser(site).post("/account/use", data={"name": "guardian"}, headers={"origin": ORIGIN})
    assert (refused.status_code, "set-cookie" in refused.headers) == (400, False)
    chosen = await browser(site).post("/account/use", data={"name": "owner"}, headers={"origin": ORIGIN})
    assert chosen.status_code == 303
    assert "sealgrid_account=owner" in chosen.headers["set-cookie"]


async def test_a_site_without_built_in_wallets_lets_nobody_choose_one(site: Site) -> None:
    refused = await browser(site).post("/account/use", data={"name": "owner"}, headers={"origin": ORIGIN})
    assert (refused.status_code, "set-cookie" in refused.headers) == (400, False)


@pytest.mark.parametrize(("owned", "linked"), [(PAGE_SIZE, False), (PAGE_SIZE + 1, True)])
async def test_an_account_with_more_than_a_page_of_models_or_apps_finds_the_list_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owned: int, linked: bool
) -> None:
    def connection_of(conn: Any, address: Address) -> tuple[Any, list[Any]]:
        return SimpleNamespace(**vars(conn) | {"address": address}), []

    monkeypatch.setattr(account, "recording_connection", connection_of)
    async with open_site(tmp_path) as site:
        store = IndexStore(tmp_path / "index.sqlite", to_digest(b"\x11" * 32))
        kinds = [(n, "Dataset") for n in range(owned)] + [(n + 100, "App") for n in range(owned)]
        rows = tuple(asset_row(n, kind, "") | {"name": f"{kind} {n:03}", "owner": VISITOR} for n, kind in kinds)
        store.write(IndexedBlocks(assets=rows), trail_of([0]))
        store.close()
        shown = (await browser(site, WALLET).get("/account")).text
    assert shown.count("Manage<span") == 2 * PAGE_SIZE
    assert ('href="/models?mine=1"' in shown, 'href="/?mine=1"' in shown) == (linked, linked)
