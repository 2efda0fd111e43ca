"""A small market on a real hub: named accounts, one app, one dataset, one pool, three vaults."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sealgrid.attestation.statements import Verdict
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig
from sealgrid.chain.assets import Assets
from sealgrid.chain.broker import Broker, encode_proof
from sealgrid.chain.deploy import BrokerConfig, Deployment, deploy, fund
from sealgrid.chain.hub import Hub
from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.chain.node import Node
from sealgrid.chain.poco_package import PocoPackage
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import Domain, SigningKey, personal_digest
from sealgrid.poco import ids
from sealgrid.poco.orders import AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import OrderDomain, sign_order
from sealgrid.units import Address, DealId, Digest, TaskId, to_digest
from tests.contracts.memory_chain import MemoryNode, MemoryWallet

CACHE = Path(__file__).parents[2] / ".cache"
SIMULATED, TDX = 255, 2
APP_DIGEST, DATASET_CHECKSUM = to_digest(b"\x07" * 32), to_digest(b"\x05" * 32)
RUNTIME, RESULT = to_digest(b"\x06" * 32), to_digest(b"\x09" * 32)
VAULTS = tuple(sorted((development_key(f"vault{n}") for n in (1, 2, 3)), key=lambda key: key.address))
APP_PRICE, DATASET_PRICE, POOL_PRICE = 3, 10, 1000
FUNDS = 10**9
TERMS = BrokerConfig(
    vaults=tuple(key.address for key in VAULTS), threshold=2, platforms=(SIMULATED,), runtimes=(RUNTIME,), notice=0
)


@dataclass(frozen=True)
class Market:
    """The contracts of the market."""

    node: Node
    deployment: Deployment
    hub: Hub
    broker: Broker
    assets: Assets
    orders: OrderDomain
    domain: Domain
    vault_set: Digest
    app: Address
    dataset: Address
    pool: Address

    def network(self, vaults: tuple[Address, ...] = ()) -> NetworkIdentity:
        """What a service of this market is configured with."""
        return NetworkIdentity(
            rpc_urls=(self.node.url,),
            chain=self.deployment.chain,
            genesis=self.deployment.genesis,
            hub=self.hub.address,
            broker=self.broker.address,
            vaults=vaults,
            threshold=(len(vaults) + 1) // 2,
        )

    def wallet(self, name: str) -> Wallet:
        return wallet_of(self.node, name)

    def app_order(self, **changes: object) -> AppOrder:
        order = AppOrder(**{"app": self.app, "appprice": APP_PRICE, "volume": 1000, "tag": TEE_TAG} | changes)
        return sign_order(order, self.orders, development_key("developer"))

    def dataset_order(self, **changes: object) -> DatasetOrder:
        fields = {"dataset": self.dataset, "datasetprice": DATASET_PRICE, "volume": 1000, "tag": TEE_TAG}
        order = DatasetOrder(**fields | {"apprestrict": self.app} | changes)
        return sign_order(order, self.orders, development_key("owner"))

    def pool_order(self, **changes: object) -> WorkerpoolOrder:
        fields = {"workerpool": self.pool, "workerpoolprice": POOL_PRICE, "volume": 1000, "tag": TEE_TAG}
        return sign_order(WorkerpoolOrder(**fields | changes), self.orders, development_key("pool"))

    def request(self, *, by: str = "requester", **changes: object) -> RequestOrder:
        requester = development_key(by).address
        prices = {"appmaxprice": APP_PRICE, "datasetmaxprice": DATASET_PRICE, "workerpoolmaxprice": POOL_PRICE}
        fields = {"app": self.app, "dataset": self.dataset, "requester": requester, "beneficiary": requester}
        order = RequestOrder(**fields | prices | {"tag": TEE_TAG, "volume": 2, "params": "{}"} | changes)
        return sign_order(order, self.orders, development_key(by))

    async def deal(self, *, category: str = "XS", **changes: object) -> DealId:
        number = self.deployment.categories[category]
        return await self.hub.match_orders(
            self.wallet("requester"),
            self.app_order(),
            self.dataset_order(),
            self.pool_order(category=number),
            self.request(category=number, **changes),
        )


@dataclass(frozen=True)
class Attempt:
    """One worker's contribution; a test can replace every part of its proof."""

    market: Market
    deal: DealId
    task: TaskId
    expiry: int
    index: int = 0
    worker: Address = field(default_factory=lambda: development_key("worker").address)
    enclave: SigningKey = field(default_factory=lambda: SigningKey.from_bytes(b"\x42" * 32))
    pool: SigningKey = field(default_factory=lambda: development_key("pool"))
    signers: tuple[SigningKey, ...] = VAULTS[:2]
    app: Digest = APP_DIGEST
    runtime: Digest = RUNTIME
    platform: int = SIMULATED
    vault_set: Digest | None = None  #: the signed vault set, if not the market's
    judged_task: TaskId | None = None  #: the signed task, if not this one
    pool_signature: bytes | None = None
    issued: tuple[int, ...] = (1_700_000_000, 1_700_000_005, 1_700_000_007)

    def but(self, **changes: object) -> "Attempt":
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def digest(self) -> bytes:
        """PoCo's digest of the contribution."""
        return personal_digest(ids.authorisation_message(self.worker, self.task, self.enclave.address))

    def verdicts(self) -> list[tuple[Address, Verdict, bytes]]:
        return [self._verdict(signer, issued) for signer, issued in zip(self.signers, self.issued, strict=False)]

    def proof(self) -> bytes:
        return encode_proof(
            deal=self.deal,
            index=self.index,
            pool_signature=self.pool.sign(self.digest) if self.pool_signature is None else self.pool_signature,
            verdicts=self.verdicts(),
        )

    async def judged(self, proof: bytes | None = None) -> int:
        return await self.market.broker.judge(self.digest, self.proof() if proof is None else proof)

    async def publish(self, proof: bytes | None = None) -> None:
        """Send it to PoCo as the development account whose address is the worker's."""
        await self.market.hub.contribute_and_finalize(
            self.market.wallet("worker"),
            task=self.task,
            result_digest=RESULT,
            results=b'{"storage":"ipfs"}',
            enclave=self.enclave.address,
            enclave_signature=self.enclave.sign(
                personal_digest(ids.enclave_message(self.worker, self.task, RESULT)),
            ),
            authorisation=self.proof() if proof is None else proof,
        )

    def _verdict(self, signer: SigningKey, issued: int) -> tuple[Address, Verdict, bytes]:
        verdict = Verdict(
            task=self.judged_task or self.task,
            worker=self.worker,
            enclave=self.enclave.address,
            app=self.app,
            runtime=self.runtime,
            platform=self.platform,
            vault_set=self.vault_set or self.market.vault_set,
            session=to_digest(b"\x0a" * 32),
            settle=to_digest(b"\x0b" * 32),
            issued=issued,
            expiry=self.expiry,
        )
        return signer.address, verdict, verdict.sign(self.market.domain, signer)


def wallet_of(node: Node, name: str) -> Wallet:
    """An account on a real chain, or on a chain in this process."""
    key = development_key(name)
    return MemoryWallet(node, key) if isinstance(node, MemoryNode) else Wallet(node, key)


@asynccontextmanager
async def local_market() -> AsyncIterator[Market]:
    """Start a local chain with PoCo's contracts, ours, and the assets of one sale."""
    config = AnvilConfig(binary=CACHE / "anvil/bin/anvil")
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        yield await open_market(node, CACHE / "poco")


async def open_market(node: Node, package: Path, terms: BrokerConfig = TERMS) -> Market:
    """Deploy PoCo and the broker, register the assets, fund everyone and fill their escrow."""
    admin = wallet_of(node, "admin")
    deployment = await deploy(admin, PocoPackage(package), terms)
    hub = Hub(node, deployment.hub)
    assets = Assets(hub)
    for name in ("requester", "pool"):
        await fund(admin, deployment.token, development_key(name).address, 2 * FUNDS)
        await hub.deposit(wallet_of(node, name), FUNDS)
    broker = Broker(node, deployment.broker)
    owner, developer, pool = (wallet_of(node, name) for name in ("owner", "developer", "pool"))
    return Market(
        node=node,
        deployment=deployment,
        hub=hub,
        broker=broker,
        assets=assets,
        orders=await hub.order_domain(),
        domain=await broker.domain(),
        vault_set=await broker.vault_set(),
        app=await assets.create_app(developer, name="reader", multiaddr="/ipfs/app", checksum=APP_DIGEST),
        dataset=await assets.create_dataset(owner, name="model", multiaddr="/ipfs/model", checksum=DATASET_CHECKSUM),
        pool=await assets.create_workerpool(pool, description="pool"),
    )


async def attempt(market: Market, *, category: str = "XS", index: int = 0) -> Attempt:
    """Match a deal, initialise one of its tasks and return a proof that the broker accepts."""
    deal = await market.deal(category=category)
    task = await market.hub.initialize(market.wallet("pool"), deal, index)
    deadline = (await market.hub.view_task(task)).contribution_deadline
    return Attempt(market=market, deal=deal, task=task, index=index, expiry=deadline)
