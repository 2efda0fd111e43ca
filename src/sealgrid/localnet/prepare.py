"""Prepares the chain of a local network: contracts, test credits, a pool with a stake, its order."""

from pathlib import Path

import httpx
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
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import FAUCET
from sealgrid.localnet.network_accounts import PRIVATE_NAMES, KeyOf, give_gas
from sealgrid.poco.orders import WorkerpoolOrder, to_document
from sealgrid.poco.tags import NO_TAG, TEE_TAG
from sealgrid.sdk.connection import connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations.orders import fresh_salt, sign_and_publish
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.platform import RuntimeMeasurement

RLC = 10**9  #: nRLC
INITIAL_CREDITS = 10_000 * RLC  #: of every development account
INITIAL_ESCROW = 1_000 * RLC  #: of these credits
POOL_PRICE = 2 * RLC
POOL_VOLUME = 100_000
FAUCET_CREDITS = 50_000_000 * RLC  #: of the supply of 87 million
LOCAL_TRUST = 16  #: up to which a local pool sells tasks without a TEE: four workers that are new
UNSTAKED = ("admin", "vault1", "vault2", "vault3", FAUCET)
IEXEC_CATEGORY = 0  #: of the requests that iExec's libraries sign


class Foundation(msgspec.Struct, frozen=True, kw_only=True):
    """Contracts of one local network, from its first start until it is wiped."""

    deployment: Deployment
    workerpool: Address
    gate: bool = False  #: whether the hub asks no broker, and a PoolGate owns the workerpool
    python: str = "3.11"  #: of the apps; networks without the field were made on 3.11
    pool_group: Address = ZERO_ADDRESS  #: group that admits the pool; zero on chains that were made without one


async def lay_foundation(
    rpc_url: str,
    package: Path,
    vaults: tuple[Address, ...],
    threshold: int,
    measured: RuntimeMeasurement,
    *,
    gate: bool,
    key_of: KeyOf = development_key,
    names: tuple[str, ...] = NAMES,
) -> Foundation:
    """Deploy the contracts on a fresh chain, hand out test credits, register the pool; ``gate``: behind a PoolGate.

    ``names`` are the network's accounts, ``key_of`` returns their keys.
    """
    async with Node(rpc_url) as node:
        if names == PRIVATE_NAMES:
            await give_gas(node, key_of)
        admin = Wallet(node, key_of("admin"))
        terms = BrokerConfig(
            vaults=vaults,
            threshold=threshold,
            platforms=(Platform.SIMULATED,),
            runtimes=(measured.runtime,),
            notice=0,
            insecure=True,
        )
        pool = Wallet(node, key_of("pool"))
        deployment = await deploy(admin, PocoPackage(package), terms, operator=pool.address if gate else None)
        hub = Hub(node, deployment.hub)
        for name in (name for name in names if name not in UNSTAKED):
            wallet = Wallet(node, key_of(name))
            await fund(admin, deployment.token, wallet.address, INITIAL_CREDITS)
            await hub.deposit(wallet, INITIAL_ESCROW)
        if FAUCET in names:
            await fund(admin, deployment.token, key_of(FAUCET).address, FAUCET_CREDITS)
        owner = deployment.broker if gate else pool.address
        if gate:
            await hub.deposit_for(pool, INITIAL_ESCROW, owner)
        workerpool = await Assets(hub).create_workerpool(pool, description="the local pool", owner=owner)
        pools = await AccessPolicy.deploy(admin)
        await pools.grant(admin, workerpool)
        return Foundation(
            deployment=deployment, workerpool=workerpool, gate=gate, python=measured.python, pool_group=pools.address
        )


async def allow_runtime(rpc_url: str, broker: Address, runtime: Digest, admin: SigningKey) -> bool:
    """Allow this machine's runtime at the broker; return False if it is allowed already."""
    async with Node(rpc_url) as node:
        contract = Broker(node, broker)
        if await contract.runtime_allowed(runtime):
            return False
        await contract.allow_runtime(Wallet(node, admin), runtime)
        return True


async def offer_computing(
    network: Network,
    *,
    price: int = POOL_PRICE,
    volume: int = POOL_VOLUME,
    key: SigningKey | None = None,
    category: int | None = None,
    trust: int = 0,
    http: httpx.AsyncBaseTransport | None = None,
) -> bool:
    """Sign an order of the pool, on chain if a gate owns the pool, and publish it.

    ``price`` is in nRLC per task; ``category`` is the network's short one by default; ``trust`` above 0 offers tasks
    without a TEE, up to this trust; ``key`` is the pool's, by default
    the development account's; ``http`` as in ``HttpTransport``. Raises InputRefused for tasks without a TEE at a pool
    that a gate owns.
    """
    async with connect(network, key or development_key("pool"), http=http) as pool:
        has_gate = await Assets(pool.hub).owner(network.workerpool) == network.broker
        if has_gate and trust:
            raise InputRefused(
                f"a gate owns pool {network.workerpool}: it runs tasks in enclaves only; offer tasks without a TEE at "
                "a pool of your own (sealgrid pool init). Nothing was offered."
            )
        order = WorkerpoolOrder(
            workerpool=network.workerpool,
            workerpoolprice=price,
            volume=volume,
            tag=NO_TAG if trust else TEE_TAG,
            trust=trust,
            category=network.short_category if category is None else category,
            salt=fresh_salt(),
        )
        if has_gate:
            await PoolGate(pool.hub.node, network.broker).sign_order(pool.wallet, order)
            await pool.market.publish("workerpoolorders", to_document(order), pool.key)
        else:
            await sign_and_publish(pool, order)
    return True
