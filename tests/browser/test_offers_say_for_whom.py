"""Every offer on a page says who may buy it, and whether its owner signed it by a transaction."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
from playwright.sync_api import expect
from visitor import Place, Visitor

from sealgrid.chain.access_policy import AccessPolicy
from sealgrid.chain.accounts import development_key
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.connection import connect
from sealgrid.sdk.operations import deploy
from sealgrid.sdk.operations.orders import fresh_salt, sign_and_publish
from sealgrid.units import Address

RLC = 10**9  #: nRLC


def test_offers_for_a_group_for_one_account_and_signed_on_the_chain_are_marked(
    visitor: Visitor, place: Place, tmp_path
):
    (tmp_path / "main.py").write_text("print(1)\n")
    (tmp_path / "app.toml").write_text('name = "for-some"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    with ThreadPoolExecutor() as aside:  # the browser's own loop runs in this thread
        app = aside.submit(lambda: asyncio.run(offered(place, tmp_path))).result()
    visitor.wait_for(f"/apps/{app}")
    rows = visitor.open(f"/apps/{app}").locator("#offers tbody tr")
    expect(rows.nth(0)).to_contain_text("everybody")
    expect(rows.nth(1)).to_contain_text("granted accounts")
    expect(rows.nth(2)).to_contain_text("stranger only")
    expect(rows.nth(2)).to_contain_text("on certain pools only")
    expect(rows.nth(3)).to_contain_text("signed on chain")
    assert visitor.faults_everywhere() == []
    row = visitor.open("/compute").locator("tr", has_text="77 RLC")
    expect(row).to_contain_text("stranger only")


async def offered(place: Place, folder) -> Address:
    """Offer an app in four ways, the cheapest to everybody, and one task of computing to one account."""
    network = place.network.network
    async with connect(network, development_key("developer")) as developer:
        app = (await deploy.deploy(developer, folder, price=RLC)).address
        group = await AccessPolicy.deploy(developer.wallet)
        stranger = development_key("stranger").address
        for_one = {"requesterrestrict": stranger, "workerpoolrestrict": network.workerpool}
        (order,) = await deploy.sell(developer, app, price=4 * RLC, uses=1, any_pool=True, presign=True)
        for price, who in ((2 * RLC, {"requesterrestrict": group.address}), (3 * RLC, for_one)):
            another = msgspec.structs.replace(order, sign=b"", appprice=price, salt=fresh_salt(), **who)
            await sign_and_publish(developer, another)
    async with connect(network, development_key("pool")) as pool:
        dear = WorkerpoolOrder(
            workerpool=network.workerpool,
            workerpoolprice=77 * RLC,
            volume=1,
            tag=TEE_TAG,
            trust=1,
            category=network.short_category,
            salt=fresh_salt(),
            requesterrestrict=stranger,
        )
        await sign_and_publish(pool, dear)
    return app
