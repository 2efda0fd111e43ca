"""Attacks on use counts: more uses than the owner sells, or uses blocked for others without payment."""

import itertools

import msgspec

from attacks.attack import Outcome, harmless, refused
from attacks.scene import PRICE, Scene
from sealgrid.chain.anvil import advance
from sealgrid.chain.assets import Assets
from sealgrid.demos.common.thefts import FINAL_SECONDS
from sealgrid.demos.common.thief import UnpaidJobRun
from sealgrid.errors import CheckFailed, SealgridError, ServiceUnavailable
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, fetch_receipt, publish
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.sdk.operations.policies import policy_of, set_policy
from sealgrid.sdk.operations.usage_evidence import usage_of
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import Address
from sealgrid.worker.job import JobRun

TOTAL = 2  #: uses that the owner allows


async def show_each_task_to_other_vaults(scene: Scene) -> Outcome:
    """Show each task to t vaults only, other ones each time: each of them counts only what it saw."""
    model, got, outcome = await limited_model(scene), 0, Outcome("", "", "")
    places = range(len(scene.network.vaults))
    for left_out in itertools.islice(itertools.cycle(places), 3 * TOTAL):
        job = await bought(scene, model)
        try:
            await without_vault(left_out)(await scene.thief.open_task(job), scene.thief.context).run()
        except CheckFailed as error:
            outcome = outcome if outcome.stopped else Outcome("enclave", str(error.check), error.message)
        else:
            got += not await refusal_of(scene, job)
    return outcome if got <= TOTAL else Outcome("", "", f"{got} uses of {TOTAL}")


async def burn_uses_without_paying(scene: Scene) -> Outcome:
    """Have every use of a model settled, publish nothing, be refunded: others would find it used up."""
    model = await limited_model(scene)
    mine = [await bought(scene, model) for _ in range(TOTAL)]
    for job in mine:
        await UnpaidJobRun(await scene.thief.open_task(job), scene.thief.context).run()
    await advance(scene.requester.node, FINAL_SECONDS)
    for job in mine:
        await scene.requester.hub.claim(scene.requester.wallet, job.task)
    (seen,) = (await usage_of(scene.owner, model)).unpaid
    honest = await bought(scene, model)
    try:
        await JobRun(await scene.thief.open_task(honest), scene.thief.context).run()
    except SealgridError as error:
        return Outcome("", "", f"an honest buyer is refused: {error.message}")
    if check := await refusal_of(scene, honest):
        return Outcome("", "", f"an honest buyer is refused by ({check})")
    who = seen.requester == scene.requester.address
    message = f"all {seen.uses} uses were given back, and the owner sees who had them"
    return harmless("vaults", message) if who and seen.uses == TOTAL else Outcome("", "", "the owner does not see who")


async def buy_all_uses_at_an_idle_pool(scene: Scene) -> Outcome:
    """Take an offer's volume in a deal at an own pool that runs nothing and costs nothing, to be refunded later."""
    conn = scene.thief.conn
    pool = await Assets(conn.hub).create_workerpool(conn.wallet, description=f"idle {fresh_salt()}")
    honest = (await scene.bought()).terms  # the control: the same orders match at a pool of the network's group
    idle = msgspec.structs.replace(honest.workerpool, workerpool=pool, salt=fresh_salt(), sign=b"")
    request = msgspec.structs.replace(
        honest.request,
        workerpool=pool,
        requester=conn.address,
        beneficiary=conn.address,
        salt=fresh_salt(),
        volume=honest.dataset.volume,
        sign=b"",
    )
    matched = conn.hub.match_orders(
        conn.wallet,
        honest.app,
        honest.dataset,
        sign_order(idle, conn.order_domain, conn.key),
        sign_order(request, conn.order_domain, conn.key),
    )
    return await refused("PoCo", matched, otherwise="workerpoolrestrict")


async def limited_model(scene: Scene) -> Address:
    """Publish a model that may be used TOTAL times."""
    file = scene.own_folder("limited") / "model"
    file.write_bytes(b"weights " + fresh_salt().encode())
    model = await publish.publish(scene.owner, file, name="limited", apps=[scene.app.address], price=PRICE)
    policy = await policy_of(scene.owner, model.address)
    await set_policy(scene.owner, msgspec.structs.replace(policy, uses_total=TOTAL))
    return model.address


async def bought(scene: Scene, model: Address) -> buy.PurchasedTask:
    """Have the requester buy one use of a model at the thief's pool, without asking the vaults first."""
    return await buy.run(
        scene.requester, RunRequest(scene.app.address, model=model, pool_order=scene.thief.order), preview=False
    )


async def refusal_of(scene: Scene, job: buy.PurchasedTask) -> str:
    """Return the check that a task was settled as refused by; empty for a task that had the model's key."""
    return parse_envelope(await fetch_receipt.fetch_receipt(scene.requester, job.task)).refusal


def without_vault(left_out: int) -> type[JobRun]:
    """Return a run whose worker keeps one vault away from the enclave."""

    class WithoutVaultJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            if index == left_out:
                raise ServiceUnavailable("the worker keeps this vault away.")
            return await super().vault(index, path, body)

    return WithoutVaultJob
