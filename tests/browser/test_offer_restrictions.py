"""Pages show the restrictions of offers, and which of them were signed by a transaction."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from playwright.sync_api import expect
from visitor import LocalSite, Visitor

from sealgrid.chain.access_policy import AccessPolicy
from sealgrid.chain.accounts import development_key
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.connection import connect
from sealgrid.sdk.operations import deploy
from sealgrid.sdk.operations.orders import fresh_salt, sign_and_publish
from sealgrid.units import Address

pytestmark = pytest.mark.long

RLC = 10**9  #: nRLC


def test_offers_for_a_group_or_an_account_and_presigned_offers_are_marked(visitor: Visitor, site: LocalSite, tmp_path):
    (tmp_path / "main.py").write_text("print(1)\n")
    (tmp_path / "app.toml").write_text('name = "for-some"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    with ThreadPoolExecutor() as executor:  # Playwright's event loop runs in this thread
        app = executor.submit(lambda: asyncio.run(make_offers(site, tmp_path))).result()
    visitor.wait_for(f"/apps/{app}")
    rows = visitor.open(f"/apps/{app}").locator("#offers tbody tr")
    expect(rows.nth(0)).to_contain_text("everyone")
    expect(rows.nth(1)).to_contain_text("granted accounts")
    expect(rows.nth(2)).to_contain_text("stranger only")
    expect(rows.nth(2)).to_contain_text("certain pools only")
    expect(rows.nth(3)).to_contain_text("signed on chain")
    assert visitor.accessibility_faults_everywhere() == []
    row = visitor.open("/compute").locator("tr", has_text="77 RLC")
    expect(row).to_contain_text("stranger only")


async def make_offers(site: LocalSite, folder) -> Address:
    """Offer an app in four ways, the cheapest to everyone, and one task of computing to one account."""
    network = site.network.network
    async with connect(network, development_key("developer")) as developer:
        app = (await deploy.deploy(developer, folder, price=RLC)).address
        group = await AccessPolicy.deploy(developer.wallet)
        stranger = development_key("stranger").address
        for_one = {"requesterrestrict": stranger, "workerpoolrestrict": network.workerpool}
        (order,) = await deploy.sell(developer, app, price=4 * RLC, uses=1, any_pool=True, presign=True)
        for price, restriction in ((2 * RLC, {"requesterrestrict": group.address}), (3 * RLC, for_one)):
            another = msgspec.structs.replace(order, sign=b"", appprice=price, salt=fresh_salt(), **restriction)
            await sign_and_publish(developer, another)
    async with connect(network, development_key("pool")) as pool:
        expensive = WorkerpoolOrder(
            workerpool=network.workerpool,
            workerpoolprice=77 * RLC,
            volume=1,
            tag=TEE_TAG,
            trust=1,
            category=network.short_category,
            salt=fresh_salt(),
            requesterrestrict=stranger,
        )
        await sign_and_publish(pool, expensive)
    return app
