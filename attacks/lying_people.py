"""Attempted thefts by pools, developers and requesters (demos.common.thefts)."""

import os

import msgspec

from attacks.attack import Outcome, refused
from attacks.scene import Scene
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.demos.common import thefts
from sealgrid.demos.common.outcome import TheftRefusal
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations import fetch_receipt, open_result
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.sdk.shipped_apps import app_folder


async def quote_with_an_own_key(scene: Scene) -> Outcome:
    """Ask for the model's key with a quote that the worker signed itself."""
    return _outcome(await thefts.steal_with_own_quote(scene.thief, await scene.bought()))


async def invent_an_enclave(scene: Scene) -> Outcome:
    """Finalise with an "enclave" that is a key of the pool's, and verdicts of its own."""
    job = await scene.bought()
    await scene.thief.open_task(job)
    return _outcome(await thefts.finalize_without_enclave(scene.thief, job))


async def copy_the_model_out(scene: Scene) -> Outcome:
    """Run an app that copies the model into its result, under an order that is open to every app."""
    folder = app_folder("copy_out")
    assert folder is not None
    return _outcome(await thefts.steal_with_copying_app(scene.thief, scene.requester, scene.owner, scene.model, folder))


async def open_without_paying(scene: Scene) -> Outcome:
    """Keep the sealed result, let the task expire, be refunded, and ask the vaults for the key."""
    return _outcome(
        await thefts.steal_without_paying(scene.thief, scene.requester, scene.app.address, scene.model, os.urandom(8))
    )


async def read_anothers_input(scene: Scene) -> Outcome:
    """Buy a job whose parameters name the sealed input of somebody else, with a result key of one's own."""
    return await _read_input(scene, scene.thief.conn)


async def read_an_input_as_model_owner(scene: Scene) -> Outcome:
    """Likewise as the owner of the model that the input was meant for."""
    return await _read_input(scene, scene.owner)


async def read_a_result_as_model_owner(scene: Scene) -> Outcome:
    """Ask the vaults for the paid result of one's own model, and try to open it with a key of one's own."""
    job, run = await scene.job()
    await run.run()
    settle = parse_envelope(await fetch_receipt.fetch_receipt(scene.owner, job.task)).settle
    assert (await open_result.open_result(scene.requester, settle, job.result_key)).exit == 0  # its requester opens it
    opened = open_result.open_result(scene.owner, settle, HpkeKey.generate())
    return await refused("sealing", opened, otherwise="result key")


async def _read_input(scene: Scene, conn: Connection) -> Outcome:
    theirs = await scene.bought()
    request = msgspec.structs.replace(
        theirs.terms.request, requester=conn.address, beneficiary=conn.address, salt=fresh_salt()
    )
    terms, signed = theirs.terms, sign_order(request, conn.order_domain, conn.key)
    deal = await conn.hub.match_orders(conn.wallet, terms.app, terms.dataset, terms.workerpool, signed)
    mine = PurchasedTask(deal, await scene.first_task(deal), terms, theirs.result_key)
    return await refused("vaults", thefts.run_on_thief(scene.thief, conn, mine))


def _outcome(theft: TheftRefusal) -> Outcome:
    return Outcome(theft.refused_by if theft.check else "", theft.check, theft.reason)
