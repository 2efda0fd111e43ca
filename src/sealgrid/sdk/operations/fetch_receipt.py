"""Fetch a job's receipt and verify it, against the chain or off line."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec

from sealgrid.attestation.statements import Settle
from sealgrid.chain.assets import Assets
from sealgrid.chain.views import ContributionStatus, TaskStatus
from sealgrid.crypto.digests import digest_of_cid, sha256
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import NotFound, ReceiptRefused, SealgridError
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.typed_data import OrderDomain, is_signed_by, order_hash
from sealgrid.receipts.consistency import signed_by
from sealgrid.receipts.receipt import (
    MOST_BYTES,
    ReceiptEnvelope,
    SignedRelease,
    SignedVerdict,
    envelope_of,
    parse_envelope,
    parse_signed_body,
)
from sealgrid.receipts.report import ChainEvidence, VerificationReport
from sealgrid.receipts.request_document import hash_of
from sealgrid.receipts.verify import verify
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.network import pins_of
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId, to_digest
from sealgrid.wire.vault import OpenReply, OpenRequest, Testimony


async def fetch_receipt(conn: Connection, task: TaskId) -> bytes:
    """Return the envelope of a completed task; Settle and body are those of the enclave that the chain paid.

    The hint on the chain is the worker's word: where it is missing, or leads nowhere or to what that enclave did not
    sign, the vaults' testimonies and the signed body that they fetched before their verdicts make the same receipt.
    Raises ReleaseRefused while the chain has not paid, and NotFound when too few vaults know the task.
    """
    try:
        hint = msgspec.json.decode((await conn.hub.view_task(task)).results, type=_Hint)
        found = await conn.storage.get_bytes(digest_of_cid(hint.receipt.removeprefix("/ipfs/")), MOST_BYTES)
        envelope = parse_envelope(found)
        ours = envelope.receipt.sha256() == envelope.settle.receipt_sha256
        if ours and await _is_paid(conn, task, envelope.settle, envelope.settle_signature):
            return found
    except (SealgridError, *UNREADABLE):
        pass
    return await _rebuilt(conn, task)


async def _is_paid(conn: Connection, task: TaskId, settle: Settle, signature: bytes) -> bool:
    """Tell whether the enclave whose work the chain accepted for a task signed this Settle: it signs no other."""
    if settle.task != task or signed_by(settle, conn.domain, signature) != settle.enclave:
        return False
    found = await conn.hub.view_contribution(task, settle.worker)
    return found.status is ContributionStatus.PROVED and found.enclave == settle.enclave


def check_own(envelope: ReceiptEnvelope, request: RequestOrder, domain: OrderDomain) -> None:
    """Raise ReceiptRefused (20) unless a receipt of our own run carries the order that we signed, with our signature.

    The vaults' word that a contract signed, or that it was presigned, counts for nothing where a key of ours did sign.
    Where a wallet elsewhere signed, or a contract, the order alone is compared.
    """
    shown = envelope.receipt.body.request
    ours = order_hash(request, domain)
    if hash_of(shown.order(), domain) != ours:
        raise ReceiptRefused("20", "the receipt is about another order than the one that you signed.", money="")
    if is_signed_by(request.requester, ours, request.sign) and not is_signed_by(request.requester, ours, shown.sign):
        raise ReceiptRefused("20", "the receipt does not carry your signature, only the vaults' word for it.", money="")


class _Hint(msgspec.Struct, frozen=True):
    receipt: str


async def _rebuilt(conn: Connection, task: TaskId) -> bytes:
    worker = next(iter((await conn.hub.view_task(task)).contributors), ZERO_ADDRESS)
    enclave = (await conn.hub.view_contribution(task, worker)).enclave
    request = OpenRequest(task=task, enclave=enclave, testimony=True)
    replies = await asyncio.gather(*(vault.open(request) for vault in conn.vaults), return_exceptions=True)
    opened = await _testimonies(conn, task, replies)
    if not opened:
        refusals = [reply for reply in replies if isinstance(reply, SealgridError)]
        raise next(iter(refusals), NotFound(f"no vault knows a result of task {task}.", money=""))
    first = Counter((each.settle, each.facts) for each in opened.values()).most_common(1)[0][0]
    told = {vault: each for vault, each in opened.items() if (each.settle, each.facts) == first}
    one = next(iter(told.values()))
    body = await conn.storage.get_bytes(one.settle.receipt_sha256, MOST_BYTES)
    return envelope_of(
        receipt=parse_signed_body(body),
        facts=one.facts.encode(),
        releases={v: SignedRelease(release=t.release, signature=t.release_signature) for v, t in told.items()},
        settle=one.settle,
        settle_signature=one.settle_signature,
        verdicts={v: SignedVerdict(verdict=t.verdict, signature=t.verdict_signature) for v, t in told.items()},
    ).encode()


async def _testimonies(
    conn: Connection, task: TaskId, replies: Sequence[OpenReply | BaseException]
) -> dict[Address, Testimony]:
    told = {
        vault: reply.testimony
        for vault, reply in zip(conn.vault_addresses, replies, strict=True)
        if isinstance(reply, OpenReply) and reply.testimony
    }
    return {
        vault: each for vault, each in told.items() if await _is_paid(conn, task, each.settle, each.settle_signature)
    }


async def verify_online(conn: Connection, envelope: bytes) -> VerificationReport:
    """Verify a receipt against the pins of the network and what the chain and the storage say now."""
    body = parse_envelope(envelope).receipt.body
    return verify(envelope, pins_of(conn.network), await _on_chain(conn, parse_envelope(envelope), body.task))


async def _on_chain(conn: Connection, envelope: ReceiptEnvelope, task_id: TaskId) -> ChainEvidence:
    task = await conn.hub.view_task(task_id)
    worker = task.contributors[0] if task.contributors else ZERO_ADDRESS
    assets, settle = Assets(conn.hub), envelope.settle
    deal, contribution, broker, sealed, receipt = await asyncio.gather(
        conn.hub.view_deal(task.deal),
        conn.hub.view_contribution(task_id, worker),
        conn.hub.teebroker(),
        _stored(conn, settle.sealed_sha256),
        _stored(conn, settle.receipt_sha256),
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
        sealed_sha256=sealed,
        receipt_sha256=receipt,
    )


async def _checksum_of_dataset(assets: Assets, dataset: Address) -> Digest | None:
    return None if dataset == ZERO_ADDRESS else await assets.checksum("Dataset", dataset)


async def _stored(conn: Connection, wanted: Digest) -> Digest | None:
    try:
        return to_digest(sha256(await conn.storage.get_bytes(wanted, 1 << 30)))
    except SealgridError:
        return None
