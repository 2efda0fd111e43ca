"""A worker that owns its machine and lies to vaults, enclave, chain and requester. The enclave is honest."""

import os

import msgspec

from attacks.attack import Outcome, harmless, refused
from attacks.scene import HASHER, Scene
from sealgrid.attestation.facts import parse_facts
from sealgrid.bundle.build import build
from sealgrid.crypto.digests import canonical, cid_of, digest_of_cid
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.enclave.job.outputs import STATUS_FILE, pack_result
from sealgrid.enclave.job.seal import seal_result
from sealgrid.errors import AppFailed, ContainerRefused, HostFailed, SealgridError
from sealgrid.receipts.receipt import MAX_BYTES, parse_envelope
from sealgrid.receipts.request_document import verify_request
from sealgrid.sdk.operations import fetch_receipt, open_result
from sealgrid.sdk.resources.runs import AsyncRun
from sealgrid.units import Digest, to_digest
from sealgrid.wire.relay import ResultDelivery
from sealgrid.wire.vault import NonceRequest, ReleaseRequest, VaultClient
from sealgrid.worker.enclave_files import BUNDLE
from sealgrid.worker.job import JobRun

NONCES, RELEASES = "/nonces", "/releases"
INVENTED = b"a result that no enclave made"


class ReplayingJob(JobRun):
    """Sends the enclave's request for release to the vaults twice."""

    again: Outcome | None = None

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        answer = await super().vault(index, path, body)
        if path == RELEASES:
            self.again = await refused("vault", super().vault(index, path, body))
        return answer


async def replay_a_nonce(scene: Scene) -> Outcome:
    _, run = await scene.job(ReplayingJob)
    await run.run()
    assert isinstance(run, ReplayingJob)
    return run.again or Outcome("", "", "no request was replayed")


class StalingJob(JobRun):
    """Asks the vaults for new nonces and shows them the quote that was made for the old ones."""

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        if path != RELEASES:
            return await super().vault(index, path, body)
        request = msgspec.json.decode(body, type=ReleaseRequest)
        client = VaultClient(self._context.vaults[index])
        fresh = (await client.nonce(NonceRequest(authorization=request.authorization))).nonce
        nonces = (*request.nonces[:index], fresh, *request.nonces[index + 1 :])
        return await super().vault(index, path, msgspec.json.encode(msgspec.structs.replace(request, nonces=nonces)))


async def show_a_stale_quote(scene: Scene) -> Outcome:
    _, run = await scene.job(StalingJob)
    return await refused("vaults", run.run())


class CapturingJob(JobRun):
    """Keeps the quote of an honest enclave and lets that enclave starve."""

    captured: ReleaseRequest | None = None

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        if path == RELEASES:
            self.captured = msgspec.json.decode(body, type=ReleaseRequest)
            raise HostFailed("the worker keeps this request to itself.")
        return await super().vault(index, path, body)


async def relay_the_quote_of_another_enclave(scene: Scene) -> Outcome:
    _, first = await scene.job(CapturingJob)
    await _ends(first)
    assert isinstance(first, CapturingJob)
    assert first.captured is not None
    quote, collateral = first.captured.quote, first.captured.collateral

    class RelayingJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            if path == RELEASES:
                mine = msgspec.json.decode(body, type=ReleaseRequest)
                body = msgspec.json.encode(msgspec.structs.replace(mine, quote=quote, collateral=collateral))
            return await super().vault(index, path, body)

    _, second = await scene.job(RelayingJob)
    return await refused("vaults", second.run())


async def attest_twice_for_one_task(scene: Scene) -> Outcome:
    job, first = await scene.job(CapturingJob)
    await _ends(first)
    return await refused("vaults", JobRun(await scene.thief.assignment(job), scene.thief.context).run())


async def swap_the_model(scene: Scene) -> Outcome:
    return await _swap(scene, dataset=True)


async def swap_the_input(scene: Scene) -> Outcome:
    return await _swap(scene, dataset=False)


async def _swap(scene: Scene, *, dataset: bool) -> Outcome:
    class SwappingJob(JobRun):
        async def read(self, name: str, offset: int, length: int) -> bytes:
            piece = await super().read(name, offset, length)
            return piece if name == BUNDLE or (name == model) is not dataset else os.urandom(len(piece))

    model = (await scene.owner.vaults[0].asset(scene.model, scene.owner.address)).record.file_sha256
    _, run = await scene.job(SwappingJob)
    return await refused("enclave", run.run(), otherwise="file's digest")


async def invent_a_failure_of_the_app(scene: Scene) -> Outcome:
    return await _invent(scene, AppFailed("the worker states that the app failed."))


async def invent_that_the_model_does_not_open(scene: Scene) -> Outcome:
    return await _invent(scene, ContainerRefused("4", "the worker states that the model does not open."))


async def _invent(scene: Scene, failure: SealgridError) -> Outcome:
    class InventingJob(JobRun):
        async def read(self, name: str, offset: int, length: int) -> bytes:
            if name == model:
                raise failure
            return await super().read(name, offset, length)

    model = (await scene.owner.vaults[0].asset(scene.model, scene.owner.address)).record.file_sha256
    _, run = await scene.job(InventingJob)
    return await refused("enclave", run.run(), otherwise="a worker's error")


async def swap_the_app(scene: Scene) -> Outcome:
    other = scene.own_folder("other-app")
    for file in HASHER.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    with (other / "main.py").open("a") as program:
        program.write("\n# one more line: print everything\n")
    bundle = build(other).archive

    class SwappingJob(JobRun):
        async def read(self, name: str, offset: int, length: int) -> bytes:
            if name == BUNDLE:
                return bundle[offset : offset + length]
            return await super().read(name, offset, length)

    _, run = await scene.job(SwappingJob)
    return await refused("enclave", run.run())


class WithholdingJob(JobRun):
    """Takes the enclave's files and stores none of them."""

    async def finish(self, upload: str) -> Digest:
        sha256 = self._upload(upload).store()
        del self._uploads[upload]
        return sha256


async def withhold_the_sealed_result(scene: Scene) -> Outcome:
    _, run = await scene.job(WithholdingJob)
    return await refused("vaults", run.run())


class SpoilingJob(JobRun):
    """Stores other bytes than those of the enclave."""

    async def append(self, upload: str, piece: bytes) -> None:
        await super().append(upload, piece[:-1] + bytes([piece[-1] ^ 1]))


async def spoil_the_sealed_result(scene: Scene) -> Outcome:
    _, run = await scene.job(SpoilingJob)
    return await refused("vaults", run.run())


class PointingJob(JobRun):
    """Is paid, and points on the chain to files of its own."""

    async def finalize(self, delivery: ResultDelivery) -> None:
        elsewhere = b'{"storage":"ipfs","location":"/ipfs/bafkreih","receipt":"/ipfs/bafkreih"}'
        await super().finalize(msgspec.structs.replace(delivery, results=elsewhere))


async def point_the_results_elsewhere(scene: Scene) -> Outcome:
    job, run = await scene.job(PointingJob)
    await run.run()
    envelope = await fetch_receipt.fetch_receipt(scene.requester, job.task)
    assert (await fetch_receipt.verify_online(scene.requester, envelope)).ok
    opened = await open_result.open_result(scene.requester, parse_envelope(envelope).settle, job.result_key)
    assert opened.exit == 0
    return harmless("requester's SDK", "the result was found by the digest that the vaults testify, and opened.")


class InventingJob(JobRun):
    """Is paid, and points on the chain to a receipt and a result of its own, sealed to the key in the deal's params."""

    async def finalize(self, delivery: ResultDelivery) -> None:
        honest = parse_envelope(await self._file(msgspec.json.decode(delivery.results)["receipt"]))
        key, facts = SigningKey.generate(), parse_facts(honest.facts.encode())
        mine = msgspec.structs.replace(facts, enclave=key.address, release="direct")
        request = verify_request(honest.receipt.body.request, facts)
        archive = pack_result({STATUS_FILE: b'{"exit":0}', "result.txt": INVENTED})
        sealed = seal_result(archive, request, mine, (), 0)
        await self._context.storage.put_bytes(sealed.content)
        settle = msgspec.structs.replace(honest.settle, enclave=key.address, sealed_sha256=sealed.sha256)
        domain = Domain(chain=facts.chain, broker=facts.broker)
        forged = msgspec.structs.replace(honest, settle=settle, settle_signature=settle.sign(domain, key))
        place = cid_of(await self._context.storage.put_bytes(forged.encode()))
        hint = canonical({"storage": "ipfs", "location": f"/ipfs/{place}", "receipt": f"/ipfs/{place}"})
        await super().finalize(msgspec.structs.replace(delivery, results=hint))

    async def _file(self, address: str) -> bytes:
        return await self._context.storage.get_bytes(digest_of_cid(address.removeprefix("/ipfs/")), MAX_BYTES)


async def invent_the_result(scene: Scene) -> Outcome:
    job, run = await scene.job(InventingJob)
    await run.run()
    opened = await AsyncRun(scene.requester, job).opened()
    if INVENTED in opened.files.values():
        return Outcome("", "", "it succeeded")
    return harmless("requester's SDK", "only what the enclave signed that the chain paid was opened.")


class RewritingJob(JobRun):
    """Is paid, and links a receipt with the enclave's body and Settle, but with facts that no vault signed."""

    async def finalize(self, delivery: ResultDelivery) -> None:
        hint = msgspec.json.decode(delivery.results)
        place = digest_of_cid(hint["receipt"].removeprefix("/ipfs/"))
        honest = parse_envelope(await self._context.storage.get_bytes(place, MAX_BYTES))
        facts = msgspec.structs.replace(parse_facts(honest.facts.encode()), requester=SigningKey.generate().address)
        invented = msgspec.structs.replace(honest, facts=facts.encode().decode(), verdicts={})
        linked = cid_of(await self._context.storage.put_bytes(invented.encode()))
        await super().finalize(
            msgspec.structs.replace(delivery, results=canonical(hint | {"receipt": f"/ipfs/{linked}"}))
        )


async def link_a_rewritten_receipt(scene: Scene) -> Outcome:
    job, run = await scene.job(RewritingJob)
    await run.run()
    envelope = await fetch_receipt.fetch_receipt(scene.requester, job.task)
    if not (await fetch_receipt.verify_online(scene.requester, envelope)).ok:
        return Outcome("", "", "the paid task has no receipt that verifies")
    return harmless("requester's SDK", "the receipt was rebuilt from the testimonies of the vaults.")


async def swap_the_result_on_chain(scene: Scene) -> Outcome:
    class ForgingJob(JobRun):
        async def finalize(self, delivery: ResultDelivery) -> None:
            await super().finalize(msgspec.structs.replace(delivery, result_digest=to_digest(os.urandom(32))))

    _, run = await scene.job(ForgingJob)
    return await refused("PoCo", run.run(), otherwise="enclave's signature")


async def _ends(run: JobRun) -> None:
    try:
        await run.run()
    except SealgridError:
        return
    raise HostFailed("the attack was to keep this job from its end.")
