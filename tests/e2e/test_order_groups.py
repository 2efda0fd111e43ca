"""Only members find and buy offers that name a group (ERC-734) in place of an account."""

import asyncio

import msgspec
import pytest

from sealgrid.chain.access_policy import AccessPolicy
from sealgrid.errors import OrderRefused
from sealgrid.poco.orders import AppOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.operations import buy, deploy
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.operations.orders import fresh_salt, sign_and_publish
from sealgrid.sdk.run_request import RunRequest

pytestmark = pytest.mark.localnet
GREETING_APP = """
import json, os, pathlib
out = pathlib.Path(os.environ["IEXEC_OUT"])
(out / "result.txt").write_text("hello")
(out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.txt")}))
"""


async def test_an_app_that_is_offered_to_two_groups_runs_for_a_member_of_both_on_a_pool_of_the_other(people, tmp_path):
    developer, requester = people.developer, people.requester
    (tmp_path / "main.py").write_text(GREETING_APP)
    (tmp_path / "app.toml").write_text('name = "grouped"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    app = await deploy.deploy(developer, tmp_path, price=9, orders=1, any_pool=True)
    open_to_all = await cancel_offer(developer, app)
    buyers, pools = [await AccessPolicy.deploy(developer.wallet) for _ in range(2)]
    order = msgspec.structs.replace(
        open_to_all, appprice=5, salt=fresh_salt(), requesterrestrict=buyers.address, workerpoolrestrict=pools.address
    )
    await sign_and_publish(developer, order)
    for group, member in ((buyers, requester.address), (pools, developer.network.workerpool)):
        with pytest.raises(OrderRefused, match="nobody offers the app"):
            await buy.run(requester, RunRequest(app.address))
        await group.grant(developer.wallet, member)
    # A dearer offer to everyone is not bought.
    await sign_and_publish(developer, AppOrder(app=app.address, appprice=6, volume=9, tag=TEE_TAG, salt=fresh_salt()))
    job = await buy.run(requester, RunRequest(app.address))
    assert job.terms.app.appprice == 5
    await follow(requester, job)


async def cancel_offer(developer, app) -> AppOrder:
    """Cancel an app's only offer, wait until the market has removed it, and return it."""
    (order,) = app.orders
    await developer.hub.cancel(developer.wallet, order)
    async with asyncio.timeout(60):
        while await developer.market.orders("apporders", app=app.address):
            await asyncio.sleep(0.05)
    return order
