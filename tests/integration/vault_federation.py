"""Three real vaults over one real market, in one process; owners and requester act as their programs would."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from litestar import Litestar

from sealgrid.attestation.policy import Allowance, Platform, Policy
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.attestation.statements import InputGrant
from sealgrid.chain.accounts import development_key
from sealgrid.chain.matches import find_match
from sealgrid.crypto.digests import keccak256, sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.iexec_challenge import asset_secret_digest
from sealgrid.crypto.shares import KeyRecord, record_from_shares, split
from sealgrid.crypto.signing import SigningKey
from sealgrid.poco.ids import task_id
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import order_hash
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import create_node
from sealgrid.testing.in_process import InProcessHttp
from sealgrid.units import Address, DealId, Digest, to_digest
from sealgrid.vault.api import application
from sealgrid.vault.checks.deposit import input_asset
from sealgrid.vault.config import VaultConfig
from sealgrid.vault.keys import KEYS_FOLDER
from sealgrid.vault.peers.witness import PeerLogWitness
from sealgrid.vault.runner import open_vault
from sealgrid.vault.service import Vault
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.log import LogClient
from sealgrid.wire.service_access import ServiceAccess
from sealgrid.wire.shares import seal_share
from sealgrid.wire.storage import StorageClient
from sealgrid.wire.vault import (
    DepositRequest,
    IexecDeposit,
    VaultClient,
    VaultIdentity,
)
from tests.contracts.scene import APP_DIGEST, DATASET_CHECKSUM, VAULTS, Market
from tests.integration.vault_enclave import RUNTIME, THRESHOLD, Enclave

MODEL_DEK, PICTURE_DEK = b"\x61" * 32, b"\x62" * 32
PICTURE = to_digest(sha256(b"a sealed picture"))


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
    http: InProcessHttp  #: to all of them
    transport: HttpTransport  #: to the first vault
    files: RemoteFiles
    storage: Litestar  #: the application of their storage node
    machine: SimulatedQuoter
    clock: Clock
    result_key: HpkeKey = field(default_factory=HpkeKey.generate)

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(vault.address for vault in self.vaults)

    async def deposit(
        self, key: SigningKey, asset: Address, file: Digest, dek: bytes, *, version: int = 1, **more: object
    ) -> KeyRecord:
        """Split a key and deposit a share at every vault."""
        identities = [await client.identity() for client in self.clients]
        deposits = share_deposits(self, key, asset, file, dek, identities, version=version, **more)
        for deposit, client in zip(deposits, self.clients, strict=True):
            await client.deposit(deposit)
        return deposits[0].record

    async def sell_model(self, *, version: int = 1, **changes: object) -> KeyRecord:
        """The owner deposits the model's key, with a policy for this app on this runtime."""
        owner = development_key("owner")
        allowance = Allowance(
            app=APP_DIGEST, runtime=RUNTIME, platform=Platform.SIMULATED, output_bytes=1 << 20, callback=False
        )
        defaults = {
            "asset": self.market.dataset,
            "owner": owner.address,
            "version": version,
            "expiry": self.clock.now + 10**6,
            "allowed": (allowance,),
            "uses_per_requester_hour": 100,
        }
        policy = Policy(**defaults | changes)
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
        """The requester grants its sealed picture to the app and matches a deal with it."""
        requester, market = development_key(by), self.market
        number = market.deployment.categories[category]
        fields = {"inputs": inputs, "result_key": "0x" + self.result_key.public.hex()}
        params = msgspec.json.encode({"sealgrid": fields}).decode()
        salt = to_digest((version - 1).to_bytes(32, "big"))  # the input's key has another version for each order
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

    async def begin(self, deal: DealId, index: int = 0, *, enclave: SigningKey | None = None) -> Enclave:
        """The pool initialises a task and a worker launches an enclave for it."""
        hub = self.market.hub
        await hub.initialize(self.market.wallet("pool"), deal, index)
        match = await find_match(hub, await hub.view_deal(deal))
        request = None if match is None or match.request is None else RequestDocument.of(match.request)
        return Enclave(self, deal, task_id(deal, index), enclave or SigningKey.generate(), request)


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
    http = InProcessHttp()
    async with AsyncExitStack() as stack:
        node, uploads = create_node(StorageNodeConfig(folder=folder / "files"))
        stack.callback(uploads.close)
        await stack.enter_async_context(http.serving("localhost", nullcontext(node)))
        storage = await stack.enter_async_context(HttpTransport("http://localhost", http=http))
        files = RemoteFiles(StorageClient(storage))
        vaults, transports = [], []
        for key in keys:
            config = vault_config(market, machine, folder / key.address, keys=keys, second=second)
            _write_key(config.folder, key)
            vault = await stack.enter_async_context(open_vault(config, files, clock=clock))
            vaults.append(vault)
            url = await serve_vault(stack, http, vault)
            transports.append(
                await stack.enter_async_context(HttpTransport(url, name=f"vault {key.address}", http=http))
            )
        clients = tuple(VaultClient(transport) for transport in transports)
        logs = tuple(LogClient(transport) for transport in transports)
        yield Federation(market, tuple(vaults), clients, logs, http, transports[0], files, node, machine, clock)


async def serve_vault(
    stack: AsyncExitStack, http: InProcessHttp, vault: Vault, witness: PeerLogWitness | None = None
) -> str:
    """Serve a vault in this process until the stack closes; return its URL. One with a witness has its own URL."""
    name = f"{'witness' if witness else 'vault'}-{vault.address}.test"
    app = application(vault, witness, ServiceAccess(public_url=f"http://{name}"))
    await stack.enter_async_context(http.serving(name, nullcontext(app)))
    return f"http://{name}"


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


def _write_key(folder: Path, key: SigningKey) -> None:
    file = folder / KEYS_FOLDER / "signing.key"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(key.secret)


async def push_as_iexec(federation: Federation, by: SigningKey, dek: bytes = MODEL_DEK) -> None:
    """Split a pushed key as iExec's route does, under its owner's signature of the value's hash."""
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
