"""Attacks on a storage node by uploads without a ticket, or with another account's."""

import asyncio
import contextlib
from collections import Counter

import httpx
import msgspec

from attacks.attack import Outcome, harmless, refused
from attacks.scene import Scene
from sealgrid.attestation.statements import ResultOpened
from sealgrid.crypto.signing import SigningKey
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, fetch_receipt, open_result
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.message import Message, call
from sealgrid.wire.storage import (
    ResultOpenedNotice,
    SignedTicket,
    StoredFileInfo,
    TicketSigner,
    UploadStatus,
    WorkerProof,
)

LOOPS = 4
FILE_BYTES = 6 << 20


class _Nothing(Message, frozen=True, kw_only=True):
    """An empty answer."""


async def flood_with_uploads(scene: Scene) -> Outcome:
    """Open uploads of one byte as fast as the node answers, while a file is stored and a job runs."""
    answers: Counter[int] = Counter()
    async with httpx.AsyncClient(base_url=scene.network.storage_url, timeout=10) as http:
        loops = [asyncio.create_task(_open_for_ever(http, answers)) for _ in range(LOOPS)]
        try:
            async with asyncio.timeout(30):
                while not answers[429]:  # until the attack is in full swing
                    await asyncio.sleep(0.05)
            await scene.owner.storage.put_bytes(bytes(FILE_BYTES))
            job = await buy.run(scene.requester, RunRequest(scene.app.address, files=[("private", b"private")]))
            async with asyncio.timeout(120):
                await follow(scene.requester, job)
            settled = parse_envelope(await fetch_receipt.fetch_receipt(scene.requester, job.task)).settle
            assert (await open_result.open_result(scene.requester, settled, job.result_key)).exit == 0
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
    return harmless(
        "storage node", "the stranger has a few uploads and no more; a file is stored, a job runs and is paid"
    )


async def _open_for_ever(http: httpx.AsyncClient, answers: Counter[int]) -> None:
    while True:
        answer = await http.post("/uploads")
        answers[answer.status_code] += 1
        if answer.is_success:
            await http.patch(f"/uploads/{answer.json()['upload']}", content=b"x")


async def use_a_ticket_again(scene: Scene) -> Outcome:
    """Open a second upload with a ticket that an account used."""
    ticket = _tickets(scene, scene.owner.key).sign(1)
    assert ticket is not None
    await _begin(scene, ticket)
    return await refused("storage node", _begin(scene, ticket))


async def upload_as_somebody_else(scene: Scene) -> Outcome:
    """Upload at the cost of an account with a balance."""
    ticket = _tickets(scene, SigningKey.generate()).sign(1)
    assert ticket is not None
    named = msgspec.structs.replace(ticket.ticket, account=scene.owner.address)
    return await refused("storage node", _begin(scene, msgspec.structs.replace(ticket, ticket=named)))


async def upload_as_another_pools_worker(scene: Scene) -> Outcome:
    """Use the share for results with the task of a pool that never named this worker."""
    job, _ = await scene.job()
    stranger = SigningKey.generate()
    own = scene.thief.pool.authorisation(job.task, stranger.address)  # for the thief's own worker
    proof = WorkerProof(enclave=stranger.address, signature=own.signature)
    ticket = _tickets(scene, stranger).for_result(job.task, proof).sign(1)
    assert ticket is not None
    return await refused("storage node", _begin(scene, ticket))


async def let_anothers_result_go(scene: Scene) -> Outcome:
    """Say in the requester's place that a result was opened."""
    job, run = await scene.job()
    await run.run()
    settled = parse_envelope(await fetch_receipt.fetch_receipt(scene.requester, job.task)).settle
    opened = ResultOpened(reader=scene.requester.address, file_sha256=settled.sealed_sha256)
    notice = ResultOpenedNotice(opened=opened, signature=opened.sign(scene.requester.domain, SigningKey.generate()))
    async with HttpTransport(scene.network.storage_url) as node:
        path = f"/files/{settled.sealed_sha256}/opened"
        outcome = await refused("storage node", call(node, "POST", path, notice, _Nothing))
        await call(node, "GET", f"/files/{settled.sealed_sha256}", None, StoredFileInfo)
    return outcome


def _tickets(scene: Scene, key: SigningKey) -> TicketSigner:
    return TicketSigner(scene.network.storage_url, key, scene.owner.domain)


async def _begin(scene: Scene, ticket: SignedTicket) -> None:
    async with HttpTransport(scene.network.storage_url) as node:
        upload = await call(node, "POST", "/uploads", ticket, UploadStatus)
        with contextlib.suppress(Exception):
            await node.request("POST", f"/uploads/{upload.upload}/end")
