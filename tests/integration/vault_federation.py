"""Three real vaults over one real market: owners, requester and enclave act as their programs would."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import msgspec
from litestar import Litestar

from sealgrid.attestation import binding
from sealgrid.attestation.facts import Facts, parse_facts
from sealgrid.attestation.policy import Allowance, Platform, Policy
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.attestation.statements import InputGrant, Reassign, Settle, Verdict, poco_authorisation
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig
from sealgrid.chain.broker import encode_proof
from sealgrid.chain.matches import find_match
from sealgrid.chain.node import Node
from sealgrid.crypto.digests import keccak256, sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.iexec_challenge import asset_secret_digest
from sealgrid.crypto.shares import KeyRecord, Share, combine, record_from_shares, split
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.poco.ids import enclave_message, task_id
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import order_hash
from sealgrid.receipts.receipt import EnclaveReport, ExitClass, build_body, sign_body
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import create_node
from sealgrid.units import Address, DealId, Digest, TaskId, to_digest
from sealgrid.vault.api import application
from sealgrid.vault.checks.deposit import input_asset
from sealgrid.vault.config import VaultConfig
from sealgrid.vault.keys import KEYS_FOLDER
from sealgrid.vault.runner import open_vault
from sealgrid.vault.service import Vault
from sealgrid.wire.http_transport import parse_error
from sealgrid.wire.log import LogClient
from sealgrid.wire.shares import open_share, seal_share
from sealgrid.wire.storage import StorageClient
from sealgrid.wire.vault import (
    Authorization,
    DepositRequest,
    IexecDeposit,
    NonceRequest,
    OpenRequest,
    ReleaseAnswer,
    ReleaseReply,
    ReleaseRequest,
    SettleRequest,
    SignedReassign,
    VaultClient,
    VaultIdentity,
)
from tests.contracts.scene import APP_DIGEST, DATASET_CHECKSUM, VAULTS, Market, open_market

MRTD = b"\x0c" * 48
RUNTIME = binding.runtime_identity(Platform.SIMULATED, [MRTD])
MODEL_DEK, PICTURE_DEK, K2 = b"\x61" * 32, b"\x62" * 32, b"\x63" * 32
PICTURE = to_digest(sha256(b"a sealed picture"))
THRESHOLD = 2
ROOT = Path(__file__).parents[2]


class InProcess:
    """A Transport that speaks real HTTP to a real application without a socket."""

    def __init__(self, app: Litestar) -> None:
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        answer = await self.client.request(method, path, content=body or None)
        if answer.is_success:
            return answer.content
        raise parse_error(answer.content, answer.status_code)


@dataclass
class Clock:
    """The vaults' clock; tests may move it."""

    now: int

    def __call__(self) -> int:
        return self.now


@dataclass(frozen=True)
class Federation:
    """The vaults of one market, a storage node, and one simulated machine."""

    market: Market
    vaults: tuple[Vault, ...]
    clients: tuple[VaultClient, ...]
    logs: tuple[LogClient, ...]
    transport: InProcess  #: to the first vault
    files: RemoteFiles
    storage: Litestar  #: the node that they lie on
    machine: SimulatedQuoter
    clock: Clock
    result_key: HpkeKey = field(default_factory=HpkeKey.generate)

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(vault.address for vault in self.vaults)

    async def deposit(
        self, key: SigningKey, asset: Address, file: Digest, dek: bytes, *, version: int = 1, **more: object
    ) -> KeyRecord:
        """Split a key and give every vault its share."""
        identities = [await client.identity() for client in self.clients]
        deposits = share_deposits(self, key, asset, file, dek, identities, version=version, **more)
        for deposit, client in zip(deposits, self.clients, strict=True):
            await client.deposit(deposit)
        return deposits[0].record

    async def sell_model(self, *, version: int = 1, **changes: object) -> KeyRecord:
        """The owner gives the vaults the model's key, with a policy for this app on this runtime."""
        owner = development_key("owner")
        allowance = Allowance(
            app=APP_DIGEST, runtime=RUNTIME, platform=Platform.SIMULATED, output_bytes=1 << 20, callback=False
        )
        usual = {
            "asset": self.market.dataset,
            "owner": owner.address,
            "version": version,
            "expiry": self.clock.now + 10**6,
            "allowed": (allowance,),
            "uses_per_requester_hour": 100,
        }
        policy = Policy(**usual | changes)
        return await self.deposit(
            owner,
            self.market.dataset,
            DATASET_CHECKSUM,
            MODEL_DEK,
            version=version,
            policy=policy,
            policy_signature=policy.sign(self.market.domain, owner),
        )

    async def order(
        self,
        *,
        category: str = "XS",
        tag: Digest = TEE_TAG,
        inputs: tuple[Digest, ...] = (PICTURE,),
        tasks: int = 2,
        version: int = 1,
        by: str = "requester",
    ) -> DealId:
        """The requester grants its sealed picture to the app and matches a deal about it."""
        requester, market = development_key(by), self.market
        number = market.deployment.categories[category]
        ours = {"inputs": inputs, "result_key": "0x" + self.result_key.public.hex()}
        params = msgspec.json.encode({"sealgrid": ours}).decode()
        salt = to_digest(
            (version - 1).to_bytes(32, "big")
        )  # each version of the input's key is for an order of its own
        request = market.request(by=by, category=number, params=params, tag=tag, volume=tasks, salt=salt)
        grant = InputGrant(
            owner=requester.address, file_sha256=PICTURE, app=APP_DIGEST, request=order_hash(request, market.orders)
        )
        await self.deposit(
            requester,
            input_asset(PICTURE),
            PICTURE,
            PICTURE_DEK,
            version=version,
            grant=grant,
            grant_signature=grant.sign(market.domain, requester),
        )
        return await market.hub.match_orders(
            market.wallet(by),
            market.app_order(tag=tag),
            market.dataset_order(tag=tag),
            market.pool_order(category=number),
            request,
        )

    async def begin(self, deal: DealId, index: int = 0, *, enclave: SigningKey | None = None) -> "Enclave":
        """The pool initialises a task and a worker launches an enclave for it."""
        hub = self.market.hub
        await hub.initialize(self.market.wallet("pool"), deal, index)
        found = await find_match(hub, await hub.view_deal(deal))
        request = None if found is None or found.request is None else RequestDocument.of(found.request)
        return Enclave(self, deal, task_id(deal, index), enclave or SigningKey.generate(), request)


@dataclass(frozen=True)
class Enclave:
    """One enclave on one worker, as far as vaults can tell."""

    federation: Federation
    deal: DealId
    task: TaskId
    signing: SigningKey = field(repr=False)
    request: RequestDocument | None  #: as an honest worker finds it
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
        word = Reassign(task=self.task, attempt=attempt, worker=self.worker, enclave=self.signing.address)
        signature = word.sign(self.federation.market.domain, development_key("pool"))
        return SignedReassign(reassign=word, signature=signature)

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
        """Open what one vault answered."""
        return msgspec.json.decode(self.hpke.open(reply.sealed, data), type=ReleaseAnswer)


@dataclass(frozen=True)
class Session:
    """What the vaults answered to one enclave."""

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
        said = {
            "task": enclave.task,
            "worker": enclave.worker,
            "enclave": enclave.signing.address,
            "result_digest": body.result_digest,
            "sealed_sha256": body.result_sha256,
            "receipt_sha256": await federation.files.put_bytes(receipt.encode()),
        }
        settle = Settle(**said | changes)
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
    def federation(self) -> Federation:
        return self.session.enclave.federation

    def request(self, position: int, **changes: object) -> SettleRequest:
        domain, key, share = self.federation.market.domain, self.session.enclave.signing, self.shares[position]
        usual = {
            "settle": self.settle,
            "signature": self.settle.sign(domain, key),
            "record": self.record,
            "record_signature": self.record.sign(domain, key),
            "index": share.index,
            "sealed": seal_share(share, self.session.answers[position].deposit_key, self.record.digest(domain)),
        }
        return SettleRequest(**usual | changes)

    async def settled(self, *positions: int) -> list[tuple[Address, Verdict, bytes]]:
        """Settle at some vaults; return what the broker counts."""
        found = []
        for position in positions:
            reply = await self.federation.clients[position].settle(self.request(position))
            found.append((self.federation.addresses[position], reply.verdict, reply.signature))
        return found

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
        """The requester combines K2 from what the vaults answer."""
        request = OpenRequest(task=self.settle.task, enclave=self.settle.enclave)
        replies = [await self.federation.clients[position].open(request) for position in (0, 1)]
        context, key = self.settle.digest(self.federation.market.domain), self.federation.result_key
        shares = [open_share(reply.sealed, reply.index, key, context) for reply in replies]
        return combine(shares, replies[0].record)


def share_deposits(
    federation: Federation,
    key: SigningKey,
    asset: Address,
    file: Digest,
    dek: bytes,
    to: list[VaultIdentity],
    *,
    version: int,
    **more: object,
) -> list[DepositRequest]:
    """Split a key and seal each vault's share to it."""
    shares = split(dek, len(federation.vaults), THRESHOLD)
    record = record_from_shares(
        hub=federation.market.hub.address,
        asset=asset,
        owner=key.address,
        version=version,
        file_sha256=file,
        t=THRESHOLD,
        vaults=federation.addresses,
        shares=shares,
    )
    domain = federation.market.domain
    signature, context = record.sign(domain, key), record.digest(domain)
    return [
        DepositRequest(
            record=record,
            signature=signature,
            index=share.index,
            sealed=seal_share(share, vault.deposit_key, context),
            **more,
        )
        for share, vault in zip(shares, to, strict=True)
    ]


@asynccontextmanager
async def local_market() -> AsyncIterator[Market]:
    """A fresh local chain with PoCo's contracts, ours, and the assets of one sale."""
    config = AnvilConfig(binary=ROOT / ".cache/anvil/bin/anvil")
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        yield await open_market(node, ROOT / ".cache/poco")


@asynccontextmanager
async def federation_over(
    market: Market,
    folder: Path,
    *,
    second: str = "",
    keys: tuple[SigningKey, ...] = VAULTS,
    machine: SimulatedQuoter | None = None,
) -> AsyncIterator[Federation]:
    """Open a storage node and the vaults of these keys, each with ``second`` beside the market's node.

    With the machine of an earlier federation they serve its enclaves; folders that are there are opened again.
    """
    clock = Clock((await market.node.block()).timestamp)
    if machine is None:
        machine = SimulatedQuoter(SimulatedPlatformKeys.generate(clock.now), now=clock.now)
        await market.broker.allow_runtime(market.wallet("admin"), RUNTIME)
    node, uploads = create_node(StorageNodeConfig(folder=folder / "files"))
    async with AsyncExitStack() as stack:
        stack.callback(uploads.close)
        storage = await _transport(stack, node)
        files = RemoteFiles(StorageClient(storage))
        vaults, transports = [], []
        for key in keys:
            config = vault_config(market, machine, folder / key.address, keys=keys, second=second)
            _keep_key(config.folder, key)
            vault = await stack.enter_async_context(open_vault(config, files, clock=clock))
            vaults.append(vault)
            transports.append(await _transport(stack, application(vault)))
        clients = tuple(VaultClient(transport) for transport in transports)
        logs = tuple(LogClient(transport) for transport in transports)
        yield Federation(market, tuple(vaults), clients, logs, transports[0], files, node, machine, clock)


async def _transport(stack: AsyncExitStack, app: Litestar) -> InProcess:
    transport = InProcess(app)
    await stack.enter_async_context(transport.client)
    return transport


def vault_config(
    market: Market,
    machine: SimulatedQuoter,
    folder: Path,
    *,
    keys: tuple[SigningKey, ...] = VAULTS,
    second: str = "",
    peers: tuple[tuple[Address, str], ...] = (),
) -> VaultConfig:
    return VaultConfig(
        folder=folder,
        network=replace(
            market.network(tuple(each.address for each in keys)),
            rpc_urls=(market.node.url, second or market.node.url),
        ),
        storage_url="http://unused",
        roots=(machine.trust_root,),
        peers=peers,
        insecure_allow_simulated=True,
    )


def _keep_key(folder: Path, key: SigningKey) -> None:
    file = folder / KEYS_FOLDER / "signing.key"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(key.secret)


async def push_as_iexec(federation: Federation, by: SigningKey, dek: bytes = MODEL_DEK) -> None:
    """Split a pushed key as iExec's route does: under its owner's signature over the value's hash."""
    dataset, value_hash = federation.market.dataset, to_digest(keccak256(b64encode(dek)))
    identities = [await client.identity() for client in federation.clients]
    split = share_deposits(federation, by, dataset, DATASET_CHECKSUM, dek, identities, version=1)
    signature = by.sign(asset_secret_digest(dataset, value_hash))
    for part, client in zip(split, federation.clients, strict=True):
        await client.deposit_iexec(
            IexecDeposit(
                record=part.record, value_hash=value_hash, signature=signature, index=part.index, sealed=part.sealed
            )
        )
