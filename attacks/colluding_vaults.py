"""Attacks by t colluding vaults together with a worker, with their real keys.

Colluding vaults have the keys of models and inputs, so they can compute any result by themselves. They cannot make an
honest enclave sign it, and cannot be paid, because the enclave takes the job from the order that the requester signed.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from attacks.attack import Outcome, refused
from attacks.lying_vaults import session_of, signed_answer
from attacks.lying_workers import RELEASES
from attacks.scene import Scene
from sealgrid.attestation.binding import session, vault_set
from sealgrid.attestation.facts import Facts, parse_params
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import Settle, Verdict
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.demos.common.thefts import EXPIRY
from sealgrid.errors import ReceiptRefused, ServiceUnavailable
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.typed_data import order_hash, sign_order
from sealgrid.receipts.receipt import MAX_BYTES, parse_envelope
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.receipts.verify import verify
from sealgrid.sdk.network import pins_of
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.sdk.operations.buy import PurchasedTask, params_of
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.units import Digest, to_digest
from sealgrid.wire.relay import RelayHello, RelayWelcome, ResultDelivery
from sealgrid.wire.vault import NonceReply, ReleaseRequest, SettleReply, SettleRequest
from sealgrid.worker.job import JobRun

Lie = Callable[[Facts], Facts]
THIEF = HpkeKey.generate()


@dataclass(frozen=True)
class Collusion:
    """The facts that t vaults state about a job, and the order that the worker sends for it."""

    lie: Lie = field(default=lambda facts: facts)
    shown: Callable[[RequestOrder], RequestOrder] = field(default=lambda order: order)


async def seal_to_an_own_key(scene: Scene) -> Outcome:
    """State the chain's facts with the colluders' result key; send the requester's order."""
    return await _tried(scene, Collusion(lie=lambda facts: _replaced(facts, result_key="0x" + THIEF.public.hex())))


async def compute_on_other_inputs(scene: Scene) -> Outcome:
    """State that the deal has no inputs."""
    return await _tried(scene, Collusion(lie=lambda facts: _replaced(facts, inputs=(), secrets=facts.secrets[:1])))


async def compute_with_other_params(scene: Scene) -> Outcome:
    """State other params, with other arguments for the app, the requester's key and the requester's input."""
    return await _tried(
        scene, Collusion(lie=lambda facts: _replaced(facts, params=facts.params[:-1] + ',"iexec_args":"all"}'))
    )


async def forge_the_order(scene: Scene) -> Outcome:
    """Send an order with the colluders' result key and state matching facts; its requester never signed it."""
    return await _tried(scene, Collusion(lie=_with_own_key, shown=_own_order))


async def show_another_requesters_order(scene: Scene) -> Outcome:
    """Send an order that the thief signed, with the thief as requester, for the victim's task."""
    conn = scene.thief.conn

    def shown(order: RequestOrder) -> RequestOrder:
        own = msgspec.structs.replace(_own_order(order), requester=conn.address, beneficiary=conn.address)
        return sign_order(own, conn.order_domain, conn.key)

    def lie(facts: Facts) -> Facts:
        return _replaced(_with_own_key(facts), requester=conn.address, beneficiary=conn.address)

    return await _tried(scene, Collusion(lie=lie, shown=shown))


async def spoil_the_signature(scene: Scene) -> Outcome:
    """Send the requester's order with another account's signature, and state that the requester signed it."""
    conn = scene.thief.conn
    return await _tried(scene, Collusion(shown=lambda order: sign_order(order, conn.order_domain, conn.key)))


async def call_the_signature_a_contracts(scene: Scene) -> Outcome:
    """Send the requester's signed order, and state that a contract signed it, which only vaults could verify."""
    return await _tried(scene, Collusion(lie=lambda facts: _replaced(facts, requester_signature="contract")))


async def vouch_for_an_invented_deal(scene: Scene) -> Outcome:
    """Write an order in the victim's name, for a deal that is not on the chain, and state that its contract signed it.

    The enclave cannot read the chain, so it computes, and the colluders read the result, as they could without an
    enclave. The receipt says that the signature is the statement of t vaults; the victim's client refuses it, and PoCo
    pays for no such task.
    """
    job, conn = await scene.bought(), scene.requester
    invented = msgspec.structs.replace(_own_order(job.terms.request), salt=fresh_salt(), sign=b"")
    deal = deal_id(order_hash(invented, conn.order_domain), 0)
    task = task_id(deal, 0)

    def lie(facts: Facts) -> Facts:
        return _replaced(
            _with_own_key(facts), deal=deal, task=task, index=0, bot_first=0, requester_signature="contract"
        )

    run = _InventingJob(
        msgspec.structs.replace(await scene.thief.open_task(job), deal=deal, task=task, index=0), scene.thief.context
    )
    run.collude(scene, job, Collusion(lie=lie, shown=lambda order: invented))
    outcome = await refused("PoCo", run.run(), otherwise="task")
    if not run.receipt:
        return Outcome("", outcome.message, "the enclave signed no receipt, so PoCo's refusal was not tried")
    whole = parse_envelope(run.receipt)
    last = verify(run.receipt, pins_of(scene.network)).checks[-1]
    assert (last.ok, last.detail.endswith("t vaults vouch for the requester's signature")) == (True, True), last
    try:
        fetch_receipt.check_own(whole, job.terms.request, conn.order_domain)
    except ReceiptRefused:
        return outcome
    return Outcome("", "", "the victim's client accepted the receipt")


class _ColludingJob(JobRun):
    """Answers releases for t vaults with their keys, as the plot says; the others answer honestly."""

    def collude(self, scene: Scene, job: PurchasedTask, plot: Collusion) -> None:
        """Set the plot."""
        self._scene, self._bought, self._plot = scene, job, plot
        self._deposits = [HpkeKey.generate() for _ in scene.network.vaults]

    async def authorise(self, hello: RelayHello) -> RelayWelcome:
        welcome = await super().authorise(hello)
        return msgspec.structs.replace(welcome, request=self._shown())

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        if path != RELEASES or index >= self._scene.network.threshold:
            return await super().vault(index, path, body)
        return await self._released(index, msgspec.json.decode(body, type=ReleaseRequest))

    async def _released(self, index: int, request: ReleaseRequest) -> bytes:
        facts = self._plot.lie(await self._scene.read_facts(self._bought, request.authorization.enclave))
        key, deposit = self._scene.vault_keys(index).signing, self._deposits[index].public
        inputs = parse_params(self._bought.terms.request.params).inputs
        shares = [self._scene.share_of_model(index), *(self._scene.share_of_input(index, each) for each in inputs)]
        return signed_answer(self._scene, index, request, facts, key, deposit=deposit, shares=shares)

    def _shown(self) -> RequestDocument:
        return RequestDocument.of(self._plot.shown(self._bought.terms.request))


class _InventingJob(_ColludingJob):
    """Answers every request for t vaults, because honest ones issue no nonce for a task that is not on the chain."""

    receipt = b""

    async def authorise(self, hello: RelayHello) -> RelayWelcome:
        await self._match()
        reply = await self._context.pool.authorise(self.job.task, self.job.fence, hello.enclave)
        self.enclave, self._pool_signature = hello.enclave, reply.authorization.signature
        return RelayWelcome(authorization=reply.authorization, request=self._shown())

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        if index >= self._scene.network.threshold:
            raise ServiceUnavailable("this vault is honest and gets no requests.")
        if path == "/nonces":
            nonce = NonceReply(vault=self._scene.network.vaults[index].address, nonce=os.urandom(32), expires=EXPIRY)
            return msgspec.json.encode(nonce)
        if path == RELEASES:
            request = msgspec.json.decode(body, type=ReleaseRequest)
            self._data = session_of(self._scene, request)
            return await self._released(index, request)
        return self._judged(index, msgspec.json.decode(body, type=SettleRequest).settle)

    async def finish(self, upload: str) -> Digest:
        """Store a file by another account's ticket: a node accepts no result of a task that is not on the chain."""
        sha256 = self._upload(upload).store()
        del self._uploads[upload]
        await self._scene.developer.storage.put_file(self._context.cache.path(sha256))
        return sha256

    async def finalize(self, delivery: ResultDelivery) -> None:
        digest = digest_of_cid(msgspec.json.decode(delivery.results)["receipt"].removeprefix("/ipfs/"))
        self.receipt = await self._context.storage.get_bytes(digest, MAX_BYTES)
        await super().finalize(delivery)

    def _judged(self, index: int, settle: Settle) -> bytes:
        scene, network = self._scene, self._scene.network
        federation = vault_set(
            chain=network.chain,
            hub=network.hub,
            broker=network.broker,
            t=network.threshold,
            vaults=tuple(vault.address for vault in network.vaults),
        )
        verdict = Verdict(
            task=settle.task,
            worker=settle.worker,
            enclave=settle.enclave,
            app=self.job.app_digest,
            runtime=network.runtimes[0],
            platform=Platform.SIMULATED,
            vault_set=federation,
            session=session(self._data),
            settle=to_digest(settle.struct_hash()),
            issued=int(scene.owner.clock()),
            expiry=self.job.contribution_deadline,
        )
        signature = verdict.sign(scene.owner.domain, scene.vault_keys(index).signing)
        return msgspec.json.encode(SettleReply(verdict=verdict, signature=signature))


async def _tried(scene: Scene, plot: Collusion) -> Outcome:
    job = await scene.bought()
    run = _ColludingJob(await scene.thief.open_task(job), scene.thief.context)
    run.collude(scene, job, plot)
    return await refused("enclave", run.run())


def _own_order(order: RequestOrder) -> RequestOrder:
    """Return a requester's order with the colluders' result key; the signature is still the requester's."""
    inputs = parse_params(order.params).inputs
    return msgspec.structs.replace(order, params=params_of(inputs[0], THIEF.public))


def _with_own_key(facts: Facts) -> Facts:
    """Return the facts of such an order."""
    return _replaced(facts, params=params_of(facts.inputs[0], THIEF.public), result_key="0x" + THIEF.public.hex())


def _replaced(facts: Facts, **changes: Any) -> Facts:
    return msgspec.structs.replace(facts, **changes)
