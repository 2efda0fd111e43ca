"""Deploys unmodified PoCo, its token and a broker or gate on a new local chain."""

import json
from collections.abc import Callable, Sequence

import msgspec

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface, selector
from sealgrid.chain.poco_package import DIAMOND, FACETS, ORDERS_LIBRARY, REGISTRIES, PocoPackage
from sealgrid.chain.wallet import Wallet
from sealgrid.poco.constants import LOCAL_CATEGORIES, TaskCategory
from sealgrid.units import ZERO_ADDRESS, Address, Digest

SUPPLY = 87_000_000 * 10**9  #: nRLC; iExec's own supply
Progress = Callable[[str], None]


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """Contract addresses of one chain, which its genesis identifies."""

    chain: int
    genesis: Digest
    hub: Address
    token: Address
    app_registry: Address
    dataset_registry: Address
    workerpool_registry: Address
    broker: Address  #: the hub's TeeBroker, or the PoolGate that owns the pools
    categories: dict[str, int]  #: number by name


class BrokerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Constructor arguments of a TeeBroker or PoolGate."""

    vaults: tuple[Address, ...]  #: in any order
    threshold: int
    platforms: tuple[int, ...]  #: numbers of attestation.policy.Platform
    runtimes: tuple[Digest, ...] = ()
    notice: int = 86_400  #: seconds before a change of trust takes effect; less than a day on local chains only
    insecure: bool = False  #: accept simulated evidence or a shorter notice on a public chain

    def arguments(self, hub: Address) -> tuple[object, ...]:
        """Return the arguments in the order of the constructors."""
        platforms = sum(1 << number for number in set(self.platforms))
        trusted = (sorted(self.vaults), self.threshold, platforms, self.runtimes)
        return (hub, *trusted, self.notice, self.insecure)


def _silent(_: str) -> None:
    pass


async def deploy(
    admin: Wallet,
    package: PocoPackage,
    config: BrokerConfig,
    *,
    operator: Address | None = None,
    categories: Sequence[TaskCategory] = LOCAL_CATEGORIES,
    on_progress: Progress = _silent,
) -> Deployment:
    """Deploy all contracts. ``admin`` owns the hub and the broker, and holds the whole supply of the token.

    With an ``operator`` the hub has no teebroker, and a PoolGate checks the proofs of the operator's pools.
    """
    token = await admin.deploy(artifacts.bytecode("Token"), artifacts.abi("Token"), SUPPLY)
    on_progress("token")
    hub = await deploy_diamond(admin, package, on_progress)
    registries = await _deploy_registries(admin, package, on_progress)
    details = ("Staked RLC", "SRLC", 9)
    await admin.call(hub, "Hub", "configure", token, *details, *registries, ZERO_ADDRESS)
    for category in categories:
        await admin.call(hub, "Hub", "createCategory", category.name, json.dumps(""), category.timeref)
    on_progress("categories")
    if operator:
        broker = await deploy_gate(admin, hub, config, operator)
    else:
        broker = await deploy_broker(admin, hub, config)
        await admin.call(hub, "Hub", "setTeeBroker", broker)
    on_progress("broker")
    return Deployment(
        chain=await admin.node.chain(),
        genesis=await admin.node.genesis(),
        hub=hub,
        token=token,
        app_registry=registries[0],
        dataset_registry=registries[1],
        workerpool_registry=registries[2],
        broker=broker,
        categories={category.name: number for number, category in enumerate(categories)},
    )


async def deploy_broker(admin: Wallet, hub: Address, config: BrokerConfig) -> Address:
    """Deploy a TeeBroker for a hub; the hub's owner sets it as teebroker (setTeeBroker)."""
    code, abi = artifacts.bytecode("TeeBroker"), artifacts.abi("TeeBroker")
    return await admin.deploy(code, abi, *config.arguments(hub), action="Deploying the broker")


async def deploy_gate(admin: Wallet, hub: Address, config: BrokerConfig, operator: Address) -> Address:
    """Deploy a PoolGate for workerpools on a hub without a teebroker; ``operator`` runs them."""
    code, abi = artifacts.bytecode("PoolGate"), artifacts.abi("PoolGate")
    return await admin.deploy(code, abi, *config.arguments(hub), operator, action="Deploying the gate")


async def fund(admin: Wallet, token: Address, account: Address, amount: int) -> None:
    """Transfer ``amount`` nRLC of the local token to an account."""
    await admin.call(token, "Token", "transfer", account, amount, action="Transferring tokens")


async def deploy_diamond(admin: Wallet, package: PocoPackage, on_progress: Progress = _silent) -> Address:
    """Deploy PoCo's facets and their diamond (EIP-2535); return the hub's address.

    The diamond gets all cuts in its constructor and no DiamondCut facet, so the local hub cannot be upgraded.
    iExec's package has no ownership facet; contracts/local/Owner.vy returns ``owner()``.
    """
    library = await admin.deploy(package.artifact(ORDERS_LIBRARY).linked(), [])
    facet = await admin.deploy(artifacts.bytecode("Owner"), artifacts.abi("Owner"), admin.address)
    cuts = [(facet, 0, [selector(entry) for entry in artifacts.abi("Owner") if entry["type"] == "function"])]
    selectors = set(cuts[0][2])
    for name in FACETS:
        artifact = package.artifact(f"facets/{name}.sol/{name}")
        fresh = [each for each in artifact.selectors() if each not in selectors]
        selectors.update(fresh)
        cuts.append((await admin.deploy(artifact.linked(library), [], action=f"Deploying {name}"), 0, fresh))
        on_progress(name)
    diamond = package.artifact(DIAMOND)
    return await admin.deploy(diamond.linked(), diamond.abi, cuts, (admin.address, ZERO_ADDRESS, b""))


async def _deploy_registries(admin: Wallet, package: PocoPackage, on_progress: Progress) -> list[Address]:
    addresses = []
    for kind, path in REGISTRIES.items():
        artifact = package.artifact(path)
        registry = await admin.deploy(artifact.linked(), artifact.abi, action=f"Deploying the {kind} registry")
        await admin.send(registry, interface(f"{kind}Registry").call_data("initialize", ZERO_ADDRESS))
        addresses.append(registry)
        on_progress(f"{kind} registry")
    return addresses
