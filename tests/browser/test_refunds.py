"""Refunds of tasks that no machine took: claimed on the page, with a development key or an external wallet."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from browser_wallet import NAME, BrowserWallet
from owner_steps import act_as
from playwright.sync_api import expect
from visitor import LocalSite, Visitor

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.assets import Assets
from sealgrid.chain.wallet import Wallet
from sealgrid.demos.common.thief import join_pool_group
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.connection import connect
from sealgrid.sdk.operations import buy
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.sdk.resources.offers import open_offers
from sealgrid.sdk.run_request import RunRequest

pytestmark = pytest.mark.long

FINAL_SECONDS = 10 * 30 + 1
NOTICE_SECONDS = 30 + 1


def test_requester_and_sponsor_claim_the_refund_of_tasks_that_no_machine_took(visitor: Visitor, site: LocalSite):
    with ThreadPoolExecutor() as executor:  # Playwright's event loop runs in this thread
        first, second, sponsored = executor.submit(lambda: asyncio.run(buy_from_idle_pool(site))).result()
    page = visitor.page
    visitor.wait_for(f"/tasks/{sponsored}")
    act_as(visitor, "requester2")
    notice = visitor.open(f"/tasks/{first}").locator("#waiting")
    expect(notice).to_contain_text("is known to work on this task, 30 s after it was bought.")
    expect(notice).to_contain_text("this purchase may still run and be paid. The price is locked until ")
    expect(notice.get_by_role("link", name="Buy from another pool")).to_have_attribute(
        "href", re.compile("/apps/0x.*#run")
    )
    expect(page.get_by_text("You can claim its refund here from ")).to_be_visible()
    expect(page.get_by_role("button", name="Claim the refund")).to_have_count(0)
    with ThreadPoolExecutor() as executor:
        executor.submit(lambda: asyncio.run(advance_time(site, FINAL_SECONDS))).result()
    act_as(visitor, "stranger")
    expect(visitor.open(f"/tasks/{sponsored}").get_by_text("pays, and receives any refund")).to_be_visible()
    expect(page.get_by_role("button", name="Claim the refund")).to_have_count(0)
    act_as(visitor, "owner")  # the sponsor
    visitor.open(f"/tasks/{sponsored}").get_by_role("button", name="Claim the refund").click()
    expect(page.locator(".state").first).to_have_text("refunded")
    act_as(visitor, "requester2")
    visitor.open(f"/tasks/{first}").get_by_role("button", name="Claim the refund").click()
    expect(page.locator(".notice")).to_contain_text("The refund is claimed")
    expect(page.locator(".state").first).to_have_text("refunded")

    wallet = BrowserWallet(site.network.network, development_key("requester2"))
    wallet.install(visitor.context)
    visitor.open("/account").get_by_role("button", name=f"Connect {NAME}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your wallet")
    visitor.open(f"/tasks/{second}").get_by_role("button", name="Claim the refund").click()
    expect(page.locator(".notice")).to_contain_text("The refund is claimed")
    expect(page.locator(".state").first).to_have_text("refunded")
    assert wallet.requests == ["eth_sendTransaction"] * 2, "the task is opened, then claimed"


async def buy_from_idle_pool(site: LocalSite) -> tuple[str, str, str]:
    """Buy three runs from a pool without machines, one with a sponsor; advance the time by half a minute."""
    network = site.network.network
    async with connect(network, development_key("publisher")) as pool:
        address = await Assets(pool.hub).create_workerpool(pool.wallet, description="no machines")
        await pool.hub.deposit(pool.wallet, 10**10)
        await join_pool_group(network, address)  # the shop's apps are for its pools
        order = WorkerpoolOrder(
            workerpool=address,
            workerpoolprice=10**9,
            volume=3,
            tag=TEE_TAG,
            trust=1,
            category=network.short_category,
            salt=fresh_salt(),
        )
        signed = sign_order(order, pool.order_domain, pool.key)
    async with connect(network, development_key("requester2")) as me:
        app = next(offer.address for offer in await open_offers(me, "App") if offer.name == "hash-file")
        run = RunRequest(app, files=[("a.txt", b"hashed")], pool_order=signed)
        made = [(await buy.run(me, run)).task for _ in range(2)]
        sponsored = await buy.run(me, run, sponsor=Wallet(me.node, development_key("owner")))
    await advance_time(site, NOTICE_SECONDS)
    return made[0], made[1], sponsored.task


async def advance_time(site: LocalSite, seconds: int) -> None:
    """Advance the chain's time."""
    async with connect(site.network.network, development_key("requester2")) as me:
        await advance(me.node, seconds)
