"""Attacks by callbacks: data that reach a contract before, or without, a payment."""

import os

from attacks.attack import Outcome
from attacks.scene import Scene
from sealgrid.chain import artifacts
from sealgrid.errors import ContractReverted
from sealgrid.sdk.operations import buy
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import to_digest


async def deliver_before_the_payment(scene: Scene) -> Outcome:
    """Deliver data of one's own choice for a deferred callback whose task nobody was paid for."""
    conn = scene.requester
    code, abi = artifacts.bytecode("AnswerReceiver"), artifacts.abi("AnswerReceiver")
    trusted = (conn.network.hub, conn.network.broker, scene.app.address, scene.model)
    contract = await conn.wallet.deploy(code, abi, *trusted)
    job = await buy.run(
        conn, RunRequest(scene.app.address, model=scene.model, pool_order=scene.thief.order, deferred_callback=True)
    )
    await scene.thief.open_task(job)
    forged = (job.task, to_digest(os.urandom(32)), os.urandom(32), b"a score of my own")
    try:
        await conn.wallet.call(contract, "AnswerReceiver", "deliver", *forged)
    except ContractReverted as reverted:
        return Outcome("receiving contract", "callback.1", reverted.message)
    return Outcome("", "", "the contract took the data")
