"""A pool that never answers keeps nobody's money: its requester claims it on the page, by key or by own wallet."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

from own_wallet import NAME, OwnWallet
from owning import as_
from playwright.sync_api import expect
from visitor import Place, Visitor

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

FINAL_SECONDS = 10 * 30 + 1
NOTICE_SECONDS = 30 + 1


def test_a_requester_claims_the_refund_of_tasks_that_no_machine_ever_took(visitor: Visitor, place: Place):
    with ThreadPoolExecutor() as aside:  # the browser's own loop runs in this thread
        first, second, sponsored = aside.submit(lambda: asyncio.run(bought_of_nobody(place))).result()
    page = visitor.page
    visitor.wait_for(f"/tasks/{sponsored}")
    as_(visitor, "requester2")
    notice = visitor.open(f"/tasks/{first}").locator("#waiting")
    expect(notice).to_contain_text("is known to work on this task, 30 s after it was bought.")
    expect(notice).to_contain_text("this purchase may still run and be paid. The price is locked until ")
    expect(notice.get_by_role("link", name="Buy it elsewhere")).to_have_attribute("href", re.compile("/apps/0x.*#run"))
    expect(page.get_by_text("Its refund can be claimed here from ")).to_be_visible()
    expect(page.get_by_role("button", name="Claim the refund")).to_have_count(0)
    with ThreadPoolExecutor() as aside:
        aside.submit(lambda: asyncio.run(passed(place, FINAL_SECONDS))).result()
    as_(visitor, "stranger")
    expect(visitor.open(f"/tasks/{sponsored}").get_by_text("pays, and gets what is refunded")).to_be_visible()
    expect(page.get_by_role("button", name="Claim the refund")).to_have_count(0)
    as_(visitor, "owner")  # who sponsored it
    visitor.open(f"/tasks/{sponsored}").get_by_role("button", name="Claim the refund").click()
    expect(page.locator(".state").first).to_have_text("refunded")
    as_(visitor, "requester2")
    visitor.open(f"/tasks/{first}").get_by_role("button", name="Claim the refund").click()
    expect(page.locator(".notice")).to_contain_text("The refund is claimed")
    expect(page.locator(".state").first).to_have_text("refunded")

    wallet = OwnWallet(place.network.network, development_key("requester2"))
    wallet.install(visitor.context)
    visitor.open("/account").get_by_role("button", name=f"Connect {NAME}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your wallet")
    visitor.open(f"/tasks/{second}").get_by_role("button", name="Claim the refund").click()
    expect(page.locator(".notice")).to_contain_text("The refund is claimed")
    expect(page.locator(".state").first).to_have_text("refunded")
    assert wallet.asked == ["eth_sendTransaction"] * 2, "the task is opened, then claimed"


async def bought_of_nobody(place: Place) -> tuple[str, str, str]:
    """Buy three runs of a pool that has an owner and no machine, one for somebody else's money; let half a minute pass."""
    network = place.network.network
    async with connect(network, development_key("publisher")) as pool:
        address = await Assets(pool.hub).create_workerpool(pool.wallet, description="nobody's machines")
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
        made = [(await buy.run(me, RunRequest(app, pool_order=signed))).task for _ in range(2)]
        sponsored = await buy.run(
            me, RunRequest(app, pool_order=signed), sponsor=Wallet(me.node, development_key("owner"))
        )
    await passed(place, NOTICE_SECONDS)
    return made[0], made[1], sponsored.task


async def passed(place: Place, seconds: int) -> None:
    """Let time pass on the chain."""
    async with connect(place.network.network, development_key("requester2")) as me:
        await advance(me.node, seconds)
