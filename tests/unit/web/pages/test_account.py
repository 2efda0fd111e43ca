"""The account page without a wallet, and the choice of a development account."""

from dataclasses import replace
from pathlib import Path

from sealgrid.web.site import Site
from sealgrid.web.wallets.dev_wallets import DevelopmentWallets
from tests.unit.sdk.network_file import network
from tests.unit.web.site_scene import ORIGIN, browser


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
