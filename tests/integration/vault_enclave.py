"""An enclave, as far as vaults know it: it attests, takes a release, settles a result and opens it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from sealgrid.attestation import binding
from sealgrid.attestation.facts import Facts, parse_facts
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import Reassign, Settle, Verdict, poco_authorisation
from sealgrid.chain.accounts import development_key
from sealgrid.chain.broker import encode_proof
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import KeyRecord, Share, combine, record_from_shares, split
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.poco.ids import enclave_message
from sealgrid.receipts.receipt import EnclaveReport, ExitClass, build_body, sign_body
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import Address, DealId, Digest, TaskId
from sealgrid.wire.shares import open_share, seal_share
from sealgrid.wire.vault import (
    Authorization,
    NonceRequest,
    OpenRequest,
    ReleaseAnswer,
    ReleaseReply,
    ReleaseRequest,
    SettleRequest,
    SignedReassign,
)
from tests.contracts.scene import APP_DIGEST

if TYPE_CHECKING:
    from tests.integration.vault_federation import Federation

MRTD = b"\x0c" * 48
RUNTIME = binding.runtime_identity(Platform.SIMULATED, [MRTD])
K2 = b"\x63" * 32
THRESHOLD = 2


@dataclass(frozen=True)
class Enclave:
    """One enclave on one worker, as far as vaults know it."""

    federation: "Federation"
    deal: DealId
    task: TaskId
    signing: SigningKey = field(repr=False)
    request: RequestDocument | None  #: the one that an honest worker finds
    hpke: HpkeKey = field(default_factory=HpkeKey.generate, repr=False)
    worker: Address = field(default_factory=lambda: development_key("worker").address)
    app: Digest = APP_DIGEST

    @property
    def pool_signature(self) -> bytes:
        message = poco_authorisation(self.worker, self.task, self.signing.address)
        return development_key("pool").sign(personal_digest(message))

    @property
    def authorization(self) -> Authorization:
        return Authorization(
            task=self.task, worker=self.worker, enclave=self.signing.address, signature=self.pool_signature
        )

    def reassigned(self, attempt: int) -> SignedReassign:
        reassign = Reassign(task=self.task, attempt=attempt, worker=self.worker, enclave=self.signing.address)
        signature = reassign.sign(self.federation.market.domain, development_key("pool"))
        return SignedReassign(reassign=reassign, signature=signature)

    async def nonces(self, again: SignedReassign | None = None) -> tuple[bytes, ...]:
        request = NonceRequest(authorization=self.authorization, reassign=again)
        return tuple([(await client.nonce(request)).nonce for client in self.federation.clients])

    def report_data(self, nonces: tuple[bytes, ...]) -> bytes:
        market = self.federation.market
        vault_set = binding.vault_set(
            chain=market.deployment.chain,
            hub=market.hub.address,
            broker=market.broker.address,
            t=THRESHOLD,
            vaults=self.federation.addresses,
        )
        return binding.report_data(
            chain=market.deployment.chain,
            hub=market.hub.address,
            task=self.task,
            worker=self.worker,
            app_digest=self.app,
            enclave=self.signing.address,
            hpke_public=self.hpke.public,
            vault_set=vault_set,
            nonces=nonces,
        )

    def evidence(self, nonces: tuple[bytes, ...], *, mrtd: bytes = MRTD) -> ReleaseRequest:
        config = binding.locked_config(self.app)
        quote = self.federation.machine.quote(mrtd, config, self.report_data(nonces))
        return ReleaseRequest(
            authorization=self.authorization,
            nonces=nonces,
            hpke_public=self.hpke.public,
            app_digest=self.app,
            quote=quote.raw,
            collateral=quote.collateral.raw,
            request=self.request,
        )

    async def released(self) -> "Session":
        nonces = await self.nonces()
        request, data = self.evidence(nonces), self.report_data(nonces)
        replies = [await client.release(request) for client in self.federation.clients]
        return Session(self, data, tuple(self.answer(reply, data) for reply in replies), request)

    def answer(self, reply: ReleaseReply, data: bytes) -> ReleaseAnswer:
        """Open the answer of one vault."""
        return msgspec.json.decode(self.hpke.open(reply.sealed, data), type=ReleaseAnswer)


@dataclass(frozen=True)
class Session:
    """The answers of the vaults to one enclave, opened."""

    enclave: Enclave
    report_data: bytes
    answers: tuple[ReleaseAnswer, ...]
    request: ReleaseRequest

    @property
    def facts(self) -> Facts:
        return parse_facts(self.answers[0].facts)

    def key(self, file: Digest) -> bytes:
        """Combine the shares of one secret."""
        parts = [share for answer in self.answers for share in answer.shares if share.record.file_sha256 == file]
        shares = [Share(index=each.index, value=each.part.value, blind=each.part.blind) for each in parts]
        return combine(shares, parts[0].record)

    async def seal(
        self, content: bytes = b"a sealed result", ended: ExitClass = "ok", *, opened: bool = False, **changes: object
    ) -> "Result":
        """Upload a result and its receipt; make the Settle and the shares of K2."""
        enclave, federation = self.enclave, self.enclave.federation
        report = EnclaveReport(
            t=THRESHOLD,
            vaults=federation.addresses,
            nonces=self.request.nonces,
            hpke_public=enclave.hpke.public,
            platform=Platform.SIMULATED,
            runtime=RUNTIME,
            quote=self.request.quote,
            collateral=self.request.collateral,
            exit_class=ended,
            result_sha256=await federation.files.put_bytes(content),
            started=federation.clock.now,
            finished=federation.clock.now,
            opened=opened,
        )
        body = build_body(self.facts, self.request.request, report)
        receipt = sign_body(body, federation.market.domain, enclave.signing)
        fields = {
            "task": enclave.task,
            "worker": enclave.worker,
            "enclave": enclave.signing.address,
            "result_digest": body.result_digest,
            "sealed_sha256": body.result_sha256,
            "receipt_sha256": await federation.files.put_bytes(receipt.encode()),
        }
        settle = Settle(**fields | changes)
        shares = split(K2, len(federation.vaults), THRESHOLD)
        record = record_from_shares(
            hub=federation.market.hub.address,
            asset=settle.enclave,
            owner=settle.enclave,
            version=1,
            file_sha256=settle.sealed_sha256,
            t=THRESHOLD,
            vaults=federation.addresses,
            shares=shares,
        )
        return Result(self, settle, record, shares)


@dataclass(frozen=True)
class Result:
    """A result that is ready to be settled."""

    session: Session
    settle: Settle
    record: KeyRecord
    shares: tuple[Share, ...] = field(repr=False)

    @property
    def federation(self) -> "Federation":
        return self.session.enclave.federation

    def request(self, position: int, **changes: object) -> SettleRequest:
        domain, key, share = self.federation.market.domain, self.session.enclave.signing, self.shares[position]
        defaults = {
            "settle": self.settle,
            "signature": self.settle.sign(domain, key),
            "record": self.record,
            "record_signature": self.record.sign(domain, key),
            "index": share.index,
            "sealed": seal_share(share, self.session.answers[position].deposit_key, self.record.digest(domain)),
        }
        return SettleRequest(**defaults | changes)

    async def settled(self, *positions: int) -> list[tuple[Address, Verdict, bytes]]:
        """Settle at some vaults; return their verdicts for the broker."""
        verdicts = []
        for position in positions:
            reply = await self.federation.clients[position].settle(self.request(position))
            verdicts.append((self.federation.addresses[position], reply.verdict, reply.signature))
        return verdicts

    async def publish(self, verdicts: list[tuple[Address, Verdict, bytes]]) -> None:
        """Send the result to PoCo as the worker."""
        enclave, market = self.session.enclave, self.federation.market
        proof = encode_proof(deal=enclave.deal, index=0, pool_signature=enclave.pool_signature, verdicts=verdicts)
        message = enclave_message(enclave.worker, enclave.task, self.settle.result_digest)
        await market.hub.contribute_and_finalize(
            market.wallet("worker"),
            task=enclave.task,
            result_digest=self.settle.result_digest,
            results=b'{"storage":"ipfs"}',
            enclave=enclave.signing.address,
            enclave_signature=enclave.signing.sign(personal_digest(message)),
            authorisation=proof,
        )

    async def opened(self) -> bytes:
        """The requester combines K2 from the answers of two vaults."""
        request = OpenRequest(task=self.settle.task, enclave=self.settle.enclave)
        replies = [await self.federation.clients[position].open(request) for position in (0, 1)]
        context, key = self.settle.digest(self.federation.market.domain), self.federation.result_key
        shares = [open_share(reply.sealed, reply.index, key, context) for reply in replies]
        return combine(shares, replies[0].record)
