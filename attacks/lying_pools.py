"""A pool without stake that offers free computing and runs nothing."""

from attacks.attack import Outcome
from attacks.scene import Scene
from sealgrid.chain.assets import Assets
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.operations import buy, deploy
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.operations.orders import fresh_salt, sign_and_publish
from sealgrid.sdk.run_request import RunRequest


async def swallow_every_run(scene: Scene) -> Outcome:
    """Offer a billion tasks for nothing, the cheapest on the market: where does a buyer who names no pool buy?"""
    conn, network = scene.thief.conn, scene.network
    pool = await Assets(conn.hub).create_workerpool(conn.wallet, description="fast and free")
    order = WorkerpoolOrder(
        workerpool=pool,
        workerpoolprice=0,
        volume=10**9,
        tag=TEE_TAG,
        category=network.short_category,
        salt=fresh_salt(),
    )
    signed = await sign_and_publish(conn, order)
    (anywhere,) = await deploy.sell(scene.developer, scene.app.address, price=0, uses=2, orders=1, any_pool=True)
    try:
        control = await buy.run(
            scene.requester, RunRequest(scene.app.address, files=[("private", b"")], pool=pool), preview=False
        )
        assert control.terms.workerpool == signed, "a buyer who names this pool can buy there"
        job = await buy.run(scene.requester, RunRequest(scene.app.address, files=[("private", b"")]))
        if job.terms.workerpool.workerpool != network.workerpool:
            return Outcome("", "", f"the run was bought at {pool}, which runs nothing")
        await follow(scene.requester, job)
    finally:
        await conn.hub.cancel(conn.wallet, signed)
        await scene.developer.hub.cancel(scene.developer.wallet, anywhere)
    return Outcome("requester's SDK", "", "the run was bought at a pool that the network file pins, and completed")
