"""Gas of deals on a separate chain with TeeBroker, with PoolGate, and without either."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import Verdict
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig
from sealgrid.chain.assets import Assets
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.broker import Broker, encode_proof
from sealgrid.chain.deploy import BrokerConfig, Deployment, deploy, deploy_gate, fund
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.poco_package import PocoPackage
from sealgrid.chain.pool_gate import PoolGate
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import Domain, SigningKey, personal_digest
from sealgrid.localnet.layout import THRESHOLD, cache_folder
from sealgrid.poco.ids import authorisation_message, enclave_message
from sealgrid.poco.orders import AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import OrderDomain, sign_order
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId, to_digest

FUNDS, PRICE, VOLUME = 10**9, 1000, 10_000
APP, DATASET, RUNTIME = (to_digest(bytes([number]) * 32) for number in (7, 5, 6))
VAULTS: Final = sorted((development_key(f"vault{n}") for n in (1, 2, 3)), key=lambda key: key.address)
NO_CONTRACT: Final = ZERO_ADDRESS  #: no contract judges: PoCo accepts the pool's signature alone
STEPS: Final = ("match", "initialize", "contributeAndFinalize")


@dataclass(frozen=True)
class Judge:
    """The contract that judges a pool's deals; if ``address`` is zero, the pool's signature is enough."""

    pool: Address
    address: Address = NO_CONTRACT
    gate: bool = False  #: whether it owns the pool, instead of being called by the hub


@dataclass(frozen=True)
class Callback:
    """A contract that a deal calls back, and the data of its first task."""

    contract: Address
    data: Callable[[DealId], bytes]


@dataclass(frozen=True)
class Settlement:
    """A hub with one app, one dataset and a pool for each judge; everyone signs with a development key."""

    node: Node
    deployment: Deployment
    app: Address
    dataset: Address
    unjudged: Judge
    broker: Judge
    gate: Judge

    @property
    def hub(self) -> Hub:
        return Hub(self.node, self.deployment.hub)

    async def settle(self, judge: Judge, callback: Callback) -> tuple[TaskId, TransactionReceipt]:
        """Settle one deal with a callback; return its task and the receipt of its last step."""
        deal = await self._match(judge, callback)
        task = await self.hub.initialize(self.wallet("pool"), deal, 0)
        return task, await self._contribute(deal, task, judge, callback)

    async def gas(self, judge: Judge, callback: Callback | None = None) -> dict[str, int]:
        """Settle one deal; return the gas of each step."""
        broker = NO_CONTRACT if judge.gate else judge.address
        await self.wallet("admin").call(self.deployment.hub, "Hub", "setTeeBroker", broker)
        deal = await self._match(judge, callback)
        gas = {STEPS[0]: await self._gas_of_head()}
        task = await self.hub.initialize(self.wallet("pool"), deal, 0)
        gas[STEPS[1]] = await self._gas_of_head()
        await self._contribute(deal, task, judge, callback)
        return gas | {STEPS[2]: await self._gas_of_head()}

    def wallet(self, name: str) -> Wallet:
        return Wallet(self.node, development_key(name))

    async def _gas_of_head(self) -> int:
        # Anvil mines every transaction into a block of its own.
        return int((await self.node.rpc("eth_getBlockByNumber", "latest", False))["gasUsed"], 16)

    async def _match(self, judge: Judge, callback: Callback | None) -> DealId:
        domain = OrderDomain(chain=self.deployment.chain, hub=self.deployment.hub)
        requester = development_key("requester")
        app = AppOrder(app=self.app, appprice=PRICE, volume=VOLUME, tag=TEE_TAG, salt=fresh_salt())
        dataset = DatasetOrder(
            dataset=self.dataset,
            datasetprice=PRICE,
            volume=VOLUME,
            tag=TEE_TAG,
            apprestrict=self.app,
            salt=fresh_salt(),
        )
        pool = await self._offer(judge, domain)
        request = RequestOrder(
            app=self.app,
            appmaxprice=PRICE,
            dataset=self.dataset,
            datasetmaxprice=PRICE,
            workerpool=judge.pool,
            workerpoolmaxprice=PRICE,
            requester=requester.address,
            beneficiary=requester.address,
            tag=TEE_TAG,
            callback=ZERO_ADDRESS if callback is None else callback.contract,
            params=_params(),
            salt=fresh_salt(),
        )
        return await self.hub.match_orders(
            self.wallet("requester"),
            sign_order(app, domain, development_key("developer")),
            sign_order(dataset, domain, development_key("owner")),
            pool,
            sign_order(request, domain, requester),
        )

    async def _offer(self, judge: Judge, domain: OrderDomain) -> WorkerpoolOrder:
        order = WorkerpoolOrder(
            workerpool=judge.pool, workerpoolprice=PRICE, volume=VOLUME, tag=TEE_TAG, salt=fresh_salt()
        )
        if not judge.gate:
            return sign_order(order, domain, development_key("pool"))
        await PoolGate(self.node, judge.address).sign_order(self.wallet("pool"), order)
        return order

    async def _contribute(
        self, deal: DealId, task: TaskId, judge: Judge, callback: Callback | None
    ) -> TransactionReceipt:
        worker, enclave = development_key("worker").address, SigningKey.generate()
        data = b"" if callback is None else callback.data(deal)
        result = to_digest(keccak256(data) if data else os.urandom(32))
        pool = development_key("pool").sign(personal_digest(authorisation_message(worker, task, enclave.address)))
        proof = pool if judge == self.unjudged else await self._proof(deal, task, enclave.address, pool, judge)
        return await self.hub.contribute_and_finalize(
            self.wallet("worker"),
            task=task,
            result_digest=result,
            results=_results(),
            callback=data,
            enclave=enclave.address,
            enclave_signature=enclave.sign(personal_digest(enclave_message(worker, task, result))),
            authorisation=proof,
        )

    async def _proof(self, deal: DealId, task: TaskId, enclave: Address, pool: bytes, judge: Judge) -> bytes:
        expiry = (await self.hub.view_task(task)).contribution_deadline
        domain, broker = Domain(chain=self.deployment.chain, broker=judge.address), Broker(self.node, judge.address)
        verdict = Verdict(
            task=task,
            worker=development_key("worker").address,
            enclave=enclave,
            app=APP,
            runtime=RUNTIME,
            platform=Platform.SIMULATED,
            session=to_digest(os.urandom(32)),
            settle=to_digest(os.urandom(32)),
            issued=expiry - 1,
            expiry=expiry,
            vault_set=await broker.vault_set(),
        )
        signed = [(key.address, verdict, verdict.sign(domain, key)) for key in VAULTS[:THRESHOLD]]
        return encode_proof(deal=deal, index=0, pool_signature=pool, verdicts=signed)


@asynccontextmanager
async def settlement() -> AsyncIterator[Settlement]:
    """Open a fresh chain with the real contracts on it."""
    cache = cache_folder()
    config = AnvilConfig(binary=cache / "anvil" / "bin" / "anvil")
    terms = BrokerConfig(
        vaults=tuple(key.address for key in VAULTS),
        threshold=THRESHOLD,
        platforms=(Platform.SIMULATED,),
        runtimes=(RUNTIME,),
    )
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        admin = Wallet(node, development_key("admin"))
        deployment = await deploy(admin, PocoPackage(cache / "poco"), terms)
        for name in ("requester", "pool"):
            await fund(admin, deployment.token, development_key(name).address, FUNDS)
            await Hub(node, deployment.hub).deposit(Wallet(node, development_key(name)), FUNDS // 2)
        yield await _opened(node, deployment, terms)


async def _opened(node: Node, deployment: Deployment, terms: BrokerConfig) -> Settlement:
    developer, owner, pool = (Wallet(node, development_key(name)) for name in ("developer", "owner", "pool"))
    hub = Hub(node, deployment.hub)
    assets = Assets(hub)
    gate = await deploy_gate(pool, deployment.hub, terms, pool.address)
    await hub.deposit_for(pool, FUNDS // 2, gate)
    plain = await assets.create_workerpool(pool, description="pool")
    return Settlement(
        node=node,
        deployment=deployment,
        app=await assets.create_app(developer, name="app", multiaddr="/ipfs/app", checksum=APP),
        dataset=await assets.create_dataset(owner, name="model", multiaddr="/ipfs/model", checksum=DATASET),
        unjudged=Judge(plain),
        broker=Judge(plain, deployment.broker),
        gate=Judge(await assets.create_workerpool(pool, description="gated", owner=gate), gate, gate=True),
    )


def _params() -> str:
    """Return params as long as those that the SDK writes."""
    digest: Digest = to_digest(os.urandom(32))
    return msgspec.json.encode({"sealgrid": {"inputs": [digest], "result_key": "0x" + os.urandom(32).hex()}}).decode()


def _results() -> bytes:
    """Return results as long as those that an enclave delivers: where result and receipt lie."""
    place = "/ipfs/" + "b" * 59
    return msgspec.json.encode({"storage": "ipfs", "location": place, "receipt": place})
