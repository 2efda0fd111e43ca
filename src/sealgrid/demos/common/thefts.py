"""Four attempted thefts with real parts. Each must be refused by a numbered check."""

import os
from collections.abc import Awaitable
from pathlib import Path

from sealgrid.attestation.binding import locked_config, report_data, vault_set
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.requester_refusals import refusal_message
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.attestation.statements import Verdict
from sealgrid.chain.anvil import advance
from sealgrid.chain.broker import encode_proof
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.demos.common.outcome import TheftRefusal
from sealgrid.demos.common.thief import Thief, UnpaidJobRun
from sealgrid.errors import CheckFailed, DealRefused, HostFailed, ProofRefused, SealgridError
from sealgrid.poco.ids import enclave_message
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.buy import PurchasedTask, run
from sealgrid.sdk.operations.deploy import deploy
from sealgrid.sdk.operations.fetch_receipt import fetch_receipt
from sealgrid.sdk.operations.publish import sell
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, Address, to_digest
from sealgrid.wire.vault import NonceRequest, OpenRequest, ReleaseRequest
from sealgrid.worker.job import JobRun

FINAL_SECONDS = 10 * 30 + 1  #: PoCo's final deadline in the short category
EXPIRY = 2**40
MRTD_BYTES = 48


async def steal_with_own_quote(thief: Thief, job: PurchasedTask) -> TheftRefusal:
    """A worker requests the model's key with a quote that it signed itself."""
    conn, me, hpke = thief.conn, SigningKey.generate(), HpkeKey.generate()
    task = await thief.open_task(job)
    authorization = thief.pool.authorisation(job.task, me.address)
    nonces = [(await vault.nonce(NonceRequest(authorization=authorization))).nonce for vault in conn.vaults]
    federation = vault_set(
        chain=conn.network.chain,
        hub=conn.network.hub,
        broker=conn.network.broker,
        t=conn.network.threshold,
        vaults=conn.vault_addresses,
    )
    data = report_data(
        chain=conn.network.chain,
        hub=conn.network.hub,
        task=job.task,
        worker=thief.pool.worker,
        app_digest=task.app_digest,
        enclave=me.address,
        hpke_public=hpke.public,
        vault_set=federation,
        nonces=nonces,
    )
    now = int(conn.clock())
    quote = SimulatedQuoter(SimulatedPlatformKeys.generate(now=now), now=now).quote(
        os.urandom(MRTD_BYTES), locked_config(task.app_digest), data
    )
    request = ReleaseRequest(
        authorization=authorization,
        nonces=tuple(nonces),
        hpke_public=hpke.public,
        app_digest=task.app_digest,
        quote=quote.raw,
        collateral=quote.collateral.raw,
    )
    return await _attempt(
        "a worker asks for the model's key with its own quote", "vaults", conn.vaults[0].release(request)
    )


async def finalize_without_enclave(thief: Thief, job: PurchasedTask) -> TheftRefusal:
    """A pool finalizes with an "enclave" that is a key of its own. iExec's PoCo without a broker would pay."""
    conn, enclave = thief.conn, SigningKey.generate()
    digest = to_digest(os.urandom(32))
    pool_signature = thief.pool.authorisation(job.task, enclave.address).signature
    deal = await conn.hub.view_deal(job.deal)
    verdict = Verdict(
        task=job.task,
        worker=thief.pool.worker,
        enclave=enclave.address,
        app=digest,
        runtime=conn.network.runtimes[0],
        platform=Platform(conn.network.platform),
        vault_set=digest,
        session=digest,
        settle=digest,
        issued=1,
        expiry=EXPIRY,
    )
    keys = sorted((SigningKey.generate() for _ in range(conn.network.threshold)), key=lambda key: key.address)
    signed = [(key.address, verdict, verdict.sign(conn.domain, key)) for key in keys]
    proof = encode_proof(deal=job.deal, index=deal.bot_first, pool_signature=pool_signature, verdicts=signed)

    signature = enclave.sign(personal_digest(enclave_message(thief.pool.worker, job.task, digest)))
    finalize = conn.hub.contribute_and_finalize(
        conn.wallet,
        task=job.task,
        result_digest=digest,
        results=b"{}",
        enclave=enclave.address,
        enclave_signature=signature,
        authorisation=proof,
    )
    return await _attempt("a pool finalises without an enclave", "PoCo, which asks the broker", finalize)


async def steal_with_copying_app(
    thief: Thief, accomplice: Connection, owner: Connection, model: Address, folder: Path, *, what: str = "the model"
) -> TheftRefusal:
    """An unapproved app copies its input to its output. The owner's order even admits every app."""
    app = await deploy(thief.conn, folder)
    await sell(owner, model, price=0, uses=1, app=ZERO_ADDRESS)
    job = await run(accomplice, RunRequest(app.address, model=model, pool_order=thief.order), preview=False)
    return await _attempt(f"an unapproved app copies {what} out", "vaults", run_on_thief(thief, accomplice, job))


async def run_on_thief(thief: Thief, buyer: Connection, job: PurchasedTask) -> None:
    """Run a job on the thief's worker; raise DealRefused if it was settled as refused: no key was released."""
    await JobRun(await thief.open_task(job), thief.context).run()
    refusal = parse_envelope(await fetch_receipt(buyer, job.task)).refusal
    if refusal:
        raise DealRefused(refusal, refusal_message(refusal))


async def steal_without_paying(
    thief: Thief, accomplice: Connection, app: Address, model: Address, picture: bytes
) -> TheftRefusal:
    """A requester gets the sealed result from the worker, lets the task expire and is refunded."""
    job = await run(accomplice, RunRequest(app, model=model, files=[("picture.png", picture)], pool_order=thief.order))
    unpaid = UnpaidJobRun(await thief.open_task(job), thief.context)
    await unpaid.run()
    before = await accomplice.hub.account(accomplice.address)
    await advance(accomplice.node, FINAL_SECONDS)
    await accomplice.hub.claim(accomplice.wallet, job.task)
    after = await accomplice.hub.account(accomplice.address)
    if unpaid.delivery is None or unpaid.enclave is None or after.locked >= before.locked:
        raise HostFailed("the theft could not be attempted: no result was stored, or the escrow did not change.")
    request = OpenRequest(task=job.task, enclave=unpaid.enclave)
    return await _attempt(
        "a requester keeps the sealed result and is refunded", "vaults", accomplice.vaults[0].open(request)
    )


async def _attempt(theft: str, refused_by: str, action: Awaitable[object]) -> TheftRefusal:
    try:
        await action
    except (CheckFailed, ProofRefused) as error:
        return TheftRefusal(theft, refused_by, str(error.check), error.message)
    except SealgridError as error:
        return TheftRefusal(theft, refused_by, "", f"not refused by a check, but failed: {error}")
    return TheftRefusal(theft, "no check", "", "it succeeded")
