"""What a local network needs on its chain before anyone uses it: contracts, money, a pool with a stake."""

from pathlib import Path

import msgspec

from sealgrid.attestation.policy import Platform
from sealgrid.chain.access_policy import AccessPolicy
from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.assets import Assets
from sealgrid.chain.broker import Broker
from sealgrid.chain.deploy import BrokerConfig, Deployment, deploy, fund
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.poco_package import PocoPackage
from sealgrid.chain.pool_gate import PoolGate
from sealgrid.chain.wallet import Wallet
from sealgrid.poco.orders import WorkerpoolOrder, to_document
from sealgrid.poco.tags import TEE_TAG
from sealgrid.sdk.connection import connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations.orders import fresh_salt, sign_and_publish
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.platform import RuntimeMeasurement

RLC = 10**9  #: nRLC
PURSE = 10_000 * RLC  #: test credits that every development account starts with
ESCROW = 1_000 * RLC  #: of which this much lies in escrow, ready to buy with and to stake
POOL_PRICE = 2 * RLC
POOL_VOLUME = 100_000
UNSTAKED = ("admin", "vault1", "vault2", "vault3")


class Foundation(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on the chain of one local network, from its first start until it is wiped."""

    deployment: Deployment
    workerpool: Address
    gate: bool = False  #: whether the hub asks no broker, and a PoolGate owns the workerpool
    python: str = "3.11"  #: the one that apps run on; networks that do not say were made when there was no other
    pool_group: Address = ZERO_ADDRESS  #: of which the pool is a member; zero on chains from before there was one


async def lay_foundation(
    rpc_url: str,
    package: Path,
    vaults: tuple[Address, ...],
    threshold: int,
    measured: RuntimeMeasurement,
    *,
    gate: bool,
) -> Foundation:
    """Deploy everything on a fresh chain, hand out test credits, register the pool, behind a gate if it shall be."""
    async with Node(rpc_url) as node:
        admin = Wallet(node, development_key("admin"))
        terms = BrokerConfig(
            vaults=vaults,
            threshold=threshold,
            platforms=(Platform.SIMULATED,),
            runtimes=(measured.runtime,),
            notice=0,
            insecure=True,
        )
        pool = Wallet(node, development_key("pool"))
        deployment = await deploy(admin, PocoPackage(package), terms, operator=pool.address if gate else None)
        hub = Hub(node, deployment.hub)
        for name in (name for name in NAMES if name not in UNSTAKED):
            wallet = Wallet(node, development_key(name))
            await fund(admin, deployment.token, wallet.address, PURSE)
            await hub.deposit(wallet, ESCROW)
        owner = deployment.broker if gate else pool.address
        if gate:
            await hub.deposit_for(pool, ESCROW, owner)
        workerpool = await Assets(hub).create_workerpool(pool, description="the local pool", owner=owner)
        pools = await AccessPolicy.deploy(admin)
        await pools.grant(admin, workerpool)
        return Foundation(
            deployment=deployment, workerpool=workerpool, gate=gate, python=measured.python, pool_group=pools.address
        )


async def admit(rpc_url: str, broker: Address, runtime: Digest) -> bool:
    """Let the runtime that this machine launches attest; return whether the broker did not know it yet."""
    async with Node(rpc_url) as node:
        judge = Broker(node, broker)
        if await judge.runtime_allowed(runtime):
            return False
        await judge.allow_runtime(Wallet(node, development_key("admin")), runtime)
        return True


async def offer_computing(network: Network, *, gate: bool) -> bool:
    """Sign the pool's order for jobs of seconds, on chain where a gate owns the pool, and publish it."""
    async with connect(network, development_key("pool")) as pool:
        order = WorkerpoolOrder(
            workerpool=network.workerpool,
            workerpoolprice=POOL_PRICE,
            volume=POOL_VOLUME,
            tag=TEE_TAG,
            category=network.short_category,
            salt=fresh_salt(),
        )
        if gate:
            await PoolGate(pool.hub.node, network.broker).sign_order(pool.wallet, order)
            await pool.market.publish("workerpoolorders", to_document(order), pool.key)
        else:
            await sign_and_publish(pool, order)
    return True
