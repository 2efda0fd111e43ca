"""Fetch a job's receipt and verify it, against the chain or off line."""

import json

from sealgrid.chain.assets import Assets
from sealgrid.chain.views import ContributionStatus, TaskStatus
from sealgrid.crypto.digests import digest_of_cid, sha256
from sealgrid.errors import NotFound, SealgridError
from sealgrid.receipts.receipt import MOST_BYTES, Envelope, parse_envelope
from sealgrid.receipts.report import OnChain, Report
from sealgrid.receipts.verify import verify
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.pins import pins_of
from sealgrid.units import ZERO_ADDRESS, Digest, TaskId, to_digest


async def fetch_receipt(conn: Connection, task: TaskId) -> bytes:
    """Return the envelope of a completed task, found through the hint on the chain, unverified.

    Raises NotFound when the task has none, or its hint leads nowhere.
    """
    try:
        hint = json.loads((await conn.hub.view_task(task)).results)
        sha256_digest = digest_of_cid(str(hint["receipt"]).removeprefix("/ipfs/"))
    except (ValueError, KeyError, TypeError, SealgridError) as error:
        raise NotFound(f"the chain names no receipt for task {task}.", money="") from error
    return await conn.storage.get_bytes(sha256_digest, MOST_BYTES)


async def verify_on_line(conn: Connection, envelope: bytes) -> Report:
    """Verify a receipt against the pins of the network and what the chain and the storage say now."""
    body = parse_envelope(envelope).receipt.body
    return verify(envelope, pins_of(conn.network), await _on_chain(conn, parse_envelope(envelope), body.task))


async def _on_chain(conn: Connection, envelope: Envelope, task_id: TaskId) -> OnChain:
    task = await conn.hub.view_task(task_id)
    deal = await conn.hub.view_deal(task.deal)
    worker = task.contributors[0] if task.contributors else ZERO_ADDRESS
    contribution = await conn.hub.view_contribution(task_id, worker)
    assets, settle = Assets(conn.hub), envelope.settle
    dataset = deal.dataset.pointer
    return OnChain(
        broker=await conn.hub.teebroker(),
        completed=task.status is TaskStatus.COMPLETED,
        result_digest=task.result_digest,
        proved=contribution.status is ContributionStatus.PROVED,
        worker=worker,
        enclave_challenge=contribution.enclave,
        app_checksum=await assets.checksum("App", deal.app.pointer),
        dataset_checksum=None if dataset == ZERO_ADDRESS else await assets.checksum("Dataset", dataset),
        pool=deal.workerpool.pointer,
        sealed_sha256=await _stored(conn, settle.sealed_sha256),
        receipt_sha256=await _stored(conn, settle.receipt_sha256),
    )


async def _stored(conn: Connection, wanted: Digest) -> Digest | None:
    try:
        return to_digest(sha256(await conn.storage.get_bytes(wanted, 1 << 30)))
    except SealgridError:
        return None
