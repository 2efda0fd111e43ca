"""Fetch the receipt of a task, and verify it against the chain."""

import asyncio
from collections import Counter
from dataclasses import replace

import msgspec

from sealgrid.attestation.statements import Settle
from sealgrid.chain.assets import Assets
from sealgrid.chain.views import ContributionStatus, TaskStatus
from sealgrid.crypto.digests import digest_of_cid, sha256
from sealgrid.errors import DECODE_ERRORS, NotFound, ReceiptRefused, SealgridError
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.typed_data import OrderDomain, is_signed_by, order_hash
from sealgrid.receipts.receipt import (
    MAX_BYTES,
    ReceiptEnvelope,
    SignedRelease,
    SignedVerdict,
    build_envelope,
    parse_envelope,
    parse_signed_body,
)
from sealgrid.receipts.report import ChainEvidence, VerificationReport
from sealgrid.receipts.request_document import hash_request
from sealgrid.receipts.verify import VerifiedReceipt, verify, verify_paid
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.network import pins_of
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId, to_digest
from sealgrid.wire.vault import OpenReply, OpenRequest, Testimony


async def fetch_receipt(conn: Connection, task: TaskId) -> bytes:
    """Return the envelope of a completed task; Settle and body are those of the enclave that the chain paid.

    The link on the chain is the worker's and not trusted: if it is missing, broken, or leads to content that the
    enclave did not sign or that does not verify against the network's pins, the receipt is rebuilt from the vaults'
    testimonies and the signed body in the storage. Where that fails too, as after a change of the federation, a linked
    receipt that the enclave signed is returned.
    Raises ReleaseRefused while the chain has not paid, and NotFound when too few vaults know the task.
    """
    linked = await _linked(conn, task)
    if linked is not None and verify(linked, pins_of(conn.network)).ok:
        return linked
    try:
        return await _rebuild(conn, task)
    except SealgridError:
        if linked is None:
            raise
        return linked


async def _linked(conn: Connection, task: TaskId) -> bytes | None:
    """Return the receipt that the worker linked, with the paid enclave's body and Settle; None for another one."""
    try:
        hint = msgspec.json.decode((await conn.hub.view_task(task)).results, type=_Hint)
        found = await conn.storage.get_bytes(digest_of_cid(hint.receipt.removeprefix("/ipfs/")), MAX_BYTES)
        envelope = parse_envelope(found)
        ours = envelope.receipt.sha256() == envelope.settle.receipt_sha256
        return found if ours and await _is_paid(conn, task, envelope.settle, envelope.settle_signature) else None
    except (SealgridError, *DECODE_ERRORS):
        return None


async def _is_paid(conn: Connection, task: TaskId, settle: Settle, signature: bytes) -> bool:
    """Return whether the enclave whose result the chain accepted signed this Settle; it signs only one."""
    if settle.task != task or not settle.is_signed_by(settle.enclave, conn.domain, signature):
        return False
    found = await conn.hub.view_contribution(task, settle.worker)
    return found.status is ContributionStatus.PROVED and found.enclave == settle.enclave


def check_own(envelope: ReceiptEnvelope, request: RequestOrder, domain: OrderDomain) -> None:
    """Raise ReceiptRefused (20) unless the receipt carries this account's order, with this account's signature.

    If a key signed the order, the vaults' statement that it was presigned or signed by a contract is not accepted. For
    other signers only the order is compared.
    """
    document = envelope.receipt.body.request
    signed = order_hash(request, domain)
    if hash_request(document.order(), domain) != signed:
        raise ReceiptRefused("20", "the receipt is for another order than the one that you signed.", money="")
    if is_signed_by(request.requester, signed, request.sign) and not is_signed_by(
        request.requester, signed, document.sign
    ):
        raise ReceiptRefused("20", "the receipt does not carry your signature, only the vaults' statement.", money="")


class _Hint(msgspec.Struct, frozen=True):
    receipt: str


async def _rebuild(conn: Connection, task: TaskId) -> bytes:
    worker = next(iter((await conn.hub.view_task(task)).contributors), ZERO_ADDRESS)
    enclave = (await conn.hub.view_contribution(task, worker)).enclave
    request = OpenRequest(task=task, enclave=enclave, testimony=True)
    replies = await asyncio.gather(*(vault.open(request) for vault in conn.vaults), return_exceptions=True)
    opened: dict[Address, Testimony] = {}
    for vault, reply in zip(conn.vault_addresses, replies, strict=True):
        testimony = reply.testimony if isinstance(reply, OpenReply) else None
        if testimony and await _is_paid(conn, task, testimony.settle, testimony.settle_signature):
            opened[vault] = testimony
    if not opened:
        refusals = [reply for reply in replies if isinstance(reply, SealgridError)]
        raise next(iter(refusals), NotFound(f"no vault has a result of task {task}.", money=""))
    first = Counter((each.settle, each.facts) for each in opened.values()).most_common(1)[0][0]
    agreeing = {vault: each for vault, each in opened.items() if (each.settle, each.facts) == first}
    one = next(iter(agreeing.values()))
    body = await conn.storage.get_bytes(one.settle.receipt_sha256, MAX_BYTES)
    return build_envelope(
        receipt=parse_signed_body(body),
        facts=one.facts.encode(),
        releases={v: SignedRelease(release=t.release, signature=t.release_signature) for v, t in agreeing.items()},
        settle=one.settle,
        settle_signature=one.settle_signature,
        verdicts={v: SignedVerdict(verdict=t.verdict, signature=t.verdict_signature) for v, t in agreeing.items()},
    ).encode()


async def verify_online(conn: Connection, envelope: bytes) -> VerificationReport:
    """Verify a receipt against the network's pins, the chain and the storage."""
    parsed = parse_envelope(envelope)
    evidence, sealed, receipt = await asyncio.gather(
        _chain_evidence(conn, parsed.receipt.body.task),
        _stored(conn, parsed.settle.sealed_sha256),
        _stored(conn, parsed.settle.receipt_sha256),
    )
    return verify(envelope, pins_of(conn.network), replace(evidence, sealed_sha256=sealed, receipt_sha256=receipt))


async def fetch_verified_receipt(conn: Connection, task: TaskId) -> VerifiedReceipt:
    """Return the receipt of a paid task, verified against the network's pins and the chain.

    Raises ReceiptRefused with the number of the failed check, and otherwise like ``fetch_receipt``.
    """
    envelope, evidence = await asyncio.gather(fetch_receipt(conn, task), _chain_evidence(conn, task))
    return verify_paid(envelope, pins_of(conn.network), evidence)


async def find_verified_receipt(conn: Connection, task: TaskId) -> VerifiedReceipt | None:
    """Return the receipt of a paid task like ``fetch_verified_receipt``; None without one whose checks hold."""
    try:
        return await fetch_verified_receipt(conn, task)
    except SealgridError:
        return None


async def _chain_evidence(conn: Connection, task_id: TaskId) -> ChainEvidence:
    """Return what the chain has about a task, without its stored files."""
    task, assets = await conn.hub.view_task(task_id), Assets(conn.hub)
    worker = task.contributors[0] if task.contributors else ZERO_ADDRESS
    deal, contribution, broker = await asyncio.gather(
        conn.hub.view_deal(task.deal), conn.hub.view_contribution(task_id, worker), conn.hub.teebroker()
    )
    app_checksum, dataset_checksum = await asyncio.gather(
        assets.checksum("App", deal.app.pointer), _checksum_of_dataset(assets, deal.dataset.pointer)
    )
    return ChainEvidence(
        broker=broker,
        pool_owner=deal.workerpool.owner,
        completed=task.status is TaskStatus.COMPLETED,
        result_digest=task.result_digest,
        proved=contribution.status is ContributionStatus.PROVED,
        worker=worker,
        enclave_challenge=contribution.enclave,
        app_checksum=app_checksum,
        dataset_checksum=dataset_checksum,
        pool=deal.workerpool.pointer,
        sealed_sha256=None,
        receipt_sha256=None,
    )


async def _checksum_of_dataset(assets: Assets, dataset: Address) -> Digest | None:
    return None if dataset == ZERO_ADDRESS else await assets.checksum("Dataset", dataset)


async def _stored(conn: Connection, content: Digest) -> Digest | None:
    try:
        return to_digest(sha256(await conn.storage.get_bytes(content, 1 << 30)))
    except SealgridError:
        return None
