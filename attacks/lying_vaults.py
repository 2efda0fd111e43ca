"""Attacks by fewer than t lying, colluding or refusing vaults, and by services that are not vaults."""

from collections.abc import Sequence
from typing import Any

import msgspec

from attacks.attack import Outcome, harmless, refused
from attacks.lying_workers import NONCES, RELEASES
from attacks.scene import Scene
from sealgrid.attestation.binding import report_data, session, vault_set
from sealgrid.attestation.facts import Facts, parse_facts, parse_params
from sealgrid.attestation.statements import DepositKey, Release
from sealgrid.attestation.vault_log import entry_of, head_of
from sealgrid.crypto import hpke, merkle
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import KeyRecord, Share, combine
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.demos.common.thief import UnpaidJobRun
from sealgrid.errors import SealgridError, ServiceUnavailable
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import deploy, fetch_receipt
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.units import Address, to_digest
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.vault.handlers.release_response import make_release, secret_share
from sealgrid.wire.log import LoggedEntry, LogInclusion, SignedHead
from sealgrid.wire.platform import LaunchRequest
from sealgrid.wire.relay import ResultDelivery
from sealgrid.wire.vault import NonceReply, OpenRequest, ReleaseAnswer, ReleaseReply, ReleaseRequest
from sealgrid.worker.job import JobRun


async def forge_the_facts(scene: Scene) -> Outcome:
    """Answer in the vaults' names, with the worker's own result key."""
    key = SigningKey.generate()
    job = await scene.bought()

    class ForgingJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            if path != RELEASES:
                return await super().vault(index, path, body)
            return await forged(scene, job, index, msgspec.json.decode(body, type=ReleaseRequest), key)

    return await refused("enclave", ForgingJob(await scene.thief.open_task(job), scene.thief.context).run())


async def collude_with_one_vault(scene: Scene) -> Outcome:
    """Let one real vault sign facts with the worker's own result key."""
    job = await scene.bought()
    key = scene.vault_keys(0).signing

    class ColludingJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            if path != RELEASES or index != 0:
                return await super().vault(index, path, body)
            await super().vault(index, path, body)
            return await forged(scene, job, index, msgspec.json.decode(body, type=ReleaseRequest), key)

    await ColludingJob(await scene.thief.open_task(job), scene.thief.context).run()
    envelope = await fetch_receipt.fetch_receipt(scene.requester, job.task)
    assert (await fetch_receipt.verify_online(scene.requester, envelope)).ok
    enclave = parse_envelope(envelope).receipt.body.enclave
    reply = await scene.requester.vaults[1].open(OpenRequest(task=job.task, enclave=enclave, testimony=True))
    assert reply.testimony is not None
    assert parse_facts(reply.testimony.facts.encode()).result_key == "0x" + job.result_key.public.hex()
    return Outcome("enclave", "6", "only facts that two vaults signed alike count; the job continued with the others.")


async def open_the_model_with_one_share(scene: Scene) -> Outcome:
    """One vault's operator decrypts its own share and tries to recover the key from it."""
    stored = scene.share_of_model(0)
    return await refused("secret sharing", _combined(stored.share, stored.record))


async def open_an_input_with_one_share(scene: Scene) -> Outcome:
    """The same for a requester's sealed input."""
    job = await scene.bought()
    stored = scene.share_of_input(0, parse_params(job.terms.request.params).inputs[0])
    return await refused("secret sharing", _combined(stored.share, stored.record))


async def open_a_secret_with_one_share(scene: Scene) -> Outcome:
    """The same for the secret that an app's developer deposited."""
    await deploy.set_secret(scene.developer, scene.app.address, "a developer's secret")
    stored = scene.share(0, scene.app.address, scene.developer.address)
    return await refused("secret sharing", _combined(stored.share, stored.record))


async def open_a_result_with_one_share(scene: Scene) -> Outcome:
    """The same for K2, the escrowed half of a result's key, of a result that was sealed and not paid."""
    job, run = await scene.job(UnpaidJobRun)
    await run.run()
    assert run.enclave is not None
    stored = scene.share_of_result(0, job.task, run.enclave)
    return await refused("secret sharing", _combined(stored.share, stored.record))


async def _combined(share: Share, record: KeyRecord) -> bytes:
    return combine([share], record)


async def finalise_with_one_verdict(scene: Scene) -> Outcome:
    """Send the chain one verdict less than the threshold."""

    class HastyJob(JobRun):
        async def finalize(self, delivery: ResultDelivery) -> None:
            await super().finalize(msgspec.structs.replace(delivery, verdicts=delivery.verdicts[:1]))

    return await refused("broker", (await scene.job(HastyJob))[1].run())


async def count_one_vault_twice(scene: Scene) -> Outcome:
    """Send the chain one vault's verdict twice."""

    class DoublingJob(JobRun):
        async def finalize(self, delivery: ResultDelivery) -> None:
            await super().finalize(msgspec.structs.replace(delivery, verdicts=delivery.verdicts[:1] * 2))

    return await refused("broker", (await scene.job(DoublingJob))[1].run())


async def offer_fake_vaults(scene: Scene) -> Outcome:
    """Launch the enclave with the worker's own federation, then request the keys from the real one."""
    fake = tuple(sorted(SigningKey.generate().address for _ in scene.network.vaults))

    class OfferingJob(JobRun):
        def _launch_request(self) -> LaunchRequest:
            return msgspec.structs.replace(super()._launch_request(), vaults=fake)

    return await refused("vaults", (await scene.job(OfferingJob))[1].run())


async def refuse_as_one_vault(scene: Scene) -> Outcome:
    """One vault never responds; the job must continue."""

    class RefusingJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            if index == 0:
                raise ServiceUnavailable("this vault does not respond.")
            return await super().vault(index, path, body)

    job, run = await scene.job(RefusingJob)
    await run.run()
    assert (
        await fetch_receipt.verify_online(scene.requester, await fetch_receipt.fetch_receipt(scene.requester, job.task))
    ).ok
    return harmless("the other vaults", "two of three vaults are enough; the job succeeded.")


async def issue_a_short_nonce(scene: Scene) -> Outcome:
    """One vault issues a nonce of another size than the enclave's evidence takes; the job must continue."""

    class ShortJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            answer = await super().vault(index, path, body)
            if path != NONCES or index != 0:
                return answer
            issued = msgspec.json.decode(answer, type=NonceReply)
            return msgspec.json.encode(msgspec.structs.replace(issued, nonce=issued.nonce[:-1]))

    job, run = await scene.job(ShortJob)
    return await _completed(scene, job, run, "17", "the nonce counts as none; the job continued with the other vaults.")


async def name_a_deposit_key_of_low_order(scene: Scene) -> Outcome:
    """One real vault signs honest facts, with a deposit key to which nothing can be sealed; the job must continue."""
    job = await scene.bought()
    key = scene.vault_keys(0).signing

    class LowOrderJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            if path != RELEASES or index != 0:
                return await super().vault(index, path, body)
            request = msgspec.json.decode(body, type=ReleaseRequest)
            facts = await scene.read_facts(job, request.authorization.enclave)
            return signed_answer(scene, index, request, facts, key, deposit=bytes(32))

    run = LowOrderJob(await scene.thief.open_task(job), scene.thief.context)
    return await _completed(scene, job, run, "5", "the answer counts as none; the job continued with the other vaults.")


async def _completed(scene: Scene, job: PurchasedTask, run: JobRun, check: str, message: str) -> Outcome:
    """Run a job that one vault attacks; return that it was paid for a result with a receipt that verifies."""
    try:
        await run.run()
    except SealgridError as error:
        return Outcome("", "", f"one vault ended the task: {error.message}")
    envelope = await fetch_receipt.fetch_receipt(scene.requester, job.task)
    assert (await fetch_receipt.verify_online(scene.requester, envelope)).ok
    return Outcome("enclave", check, message)


async def forged(
    scene: Scene, job: PurchasedTask, index: int, request: ReleaseRequest, key: SigningKey, **changes: Any
) -> bytes:
    """Return the answer of a vault that signs the honest facts with ``changes``, using ``key``.

    Without changes the facts name the thief's result key.
    """
    lies = changes or {"result_key": "0x" + HpkeKey.generate().public.hex()}
    facts = msgspec.structs.replace(await scene.read_facts(job, request.authorization.enclave), **lies)
    return signed_answer(scene, index, request, facts, key)


def session_of(scene: Scene, request: ReleaseRequest) -> bytes:
    """Return the report data of an enclave's request."""
    network, authorization = scene.network, request.authorization
    vaults = tuple(vault.address for vault in network.vaults)
    federation = vault_set(
        chain=network.chain, hub=network.hub, broker=network.broker, t=network.threshold, vaults=vaults
    )
    return report_data(
        chain=network.chain,
        hub=network.hub,
        task=authorization.task,
        worker=authorization.worker,
        app_digest=request.app_digest,
        enclave=authorization.enclave,
        hpke_public=request.hpke_public,
        vault_set=federation,
        nonces=request.nonces,
    )


def signed_answer(
    scene: Scene,
    index: int,
    request: ReleaseRequest,
    facts: Facts,
    key: SigningKey,
    *,
    deposit: bytes = b"",
    shares: Sequence[StoredShare] = (),
) -> bytes:
    """Return a vault's answer with these facts and shares, signed with ``key``; ``deposit`` is its deposit key."""
    data, domain, vault = session_of(scene, request), scene.owner.domain, scene.network.vaults[index].address
    release, deposit = (
        make_release(facts, session(data), int(scene.owner.clock())),
        deposit or HpkeKey.generate().public,
    )
    answer = ReleaseAnswer(
        facts=facts.encode(),
        release=release,
        signature=release.sign(domain, key),
        deposit_key=deposit,
        deposit_key_signature=DepositKey(vault=vault, key=to_digest(deposit)).sign(domain, key),
        shares=tuple(secret_share(each) for each in shares),
        log=_logged(facts, release, vault, domain, key),
    )
    return msgspec.json.encode(
        ReleaseReply(vault=vault, sealed=hpke.seal(request.hpke_public, msgspec.json.encode(answer), data))
    )


def _logged(facts: Facts, release: Release, vault: Address, domain: Domain, key: SigningKey) -> LogInclusion:
    """Return the proof that the forged release is the only entry of a log."""
    entry = entry_of(facts, release.session, policy=0, block=0, time=release.issued).encode()
    head = head_of(vault, 1, merkle.leaf_hash(entry), release.issued)
    signed = SignedHead(head=head, signature=head.sign(domain, key))
    return LogInclusion(head=signed, logged=LoggedEntry(entry=entry.decode(), index=0, path=()))
