"""A user's pool on a network: its TOML file, its key, its registration and costs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sql

from sealgrid.chain.abi import interface
from sealgrid.chain.assets import Assets
from sealgrid.chain.pool_gate import PoolGate
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.poco.orders import WorkerpoolOrder, from_document
from sealgrid.pool.config import PoolConfig, read_key
from sealgrid.pool.tables import TASK
from sealgrid.sdk.amounts import amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.network import Network, load_network, published
from sealgrid.storage.atomic_file import write_file
from sealgrid.units import ZERO_ADDRESS, Address, to_address
from sealgrid.wire.preview import OfferedMachine
from sealgrid.wire.service_access import LOOPBACK, ServiceAccess
from sealgrid.wire.settings_file import read_settings

KEY, NETWORK, FOLDER = "owner.key", "network.json", "pool"  #: beside the TOML file
DEFAULT_PORT: Final = 8560
STAKE_PERCENT: Final = 30  #: of a task's price, which PoCo locks of the pool's escrow (WORKERPOOL_STAKE_RATIO)
GAS_RESERVE: Final = 2  #: times the estimate: later transactions cost more when the chain is busy
_PUBLIC_RATE: Final = 1800  #: requests of one client in a minute: a worker's machine may run many jobs


class PoolFile(ServiceAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The TOML file. Paths are relative to its folder; the fields of ServiceAccess limit its clients."""

    workerpool: Address = ZERO_ADDRESS  #: zero until it is registered
    network: Path = Path(NETWORK)  #: the network file
    key_file: Path = Path(KEY)  #: of the pool's owner, mode 0600
    folder: Path = Path(FOLDER)
    host: str = LOOPBACK  #: address to listen on
    port: int = DEFAULT_PORT
    database: str = ""  #: SQLAlchemy URL of a PostgreSQL that replicas share; empty for a SQLite file in the folder
    workers: tuple[Address, ...] = ()  #: admitted without an invitation
    open_admission: bool = False  #: admit every worker that asks
    bond: str = "0"  #: RLC that a worker without an invitation has in escrow
    worker_accounts: tuple[Address, ...] | None = None  #: whose results it sends and pays for; None for all
    lease_seconds: float = 30.0
    tasks_per_worker: int = 4
    tasks_per_requester: int = 2000
    tasks_per_app: int = 4000
    urgent_seconds: int = 120
    replicas: int = 2  #: workers that must agree on the result of a task without a TEE
    first_block: int = 0  #: the block of its registration
    confirmations: int = 0  #: before it applies a block; 0 for what the chain usually needs


@dataclass(frozen=True, slots=True)
class OwnPool:
    """A user's pool, as its file describes it; ``network`` names it as the pool."""

    path: Path
    file: PoolFile
    network: Network
    key: SigningKey = field(repr=False)

    @property
    def config(self) -> PoolConfig:
        """Return the settings of its service; raise InputRefused while the pool is not registered."""
        base, file, network = self.path.parent, self.file, self.network
        if file.workerpool == ZERO_ADDRESS:
            raise InputRefused(
                f"the pool of {self.path} is not registered; register it with: sealgrid pool init {self.path}"
            )
        return PoolConfig(
            folder=base / file.folder,
            network=network.identity,
            workerpool=file.workerpool,
            key_file=base / file.key_file,
            lease_seconds=file.lease_seconds,
            first_block=file.first_block,
            confirmations=file.confirmations,
            workers=frozenset(file.workers),
            open_admission=file.open_admission,
            bond=int(amount(file.bond)),
            worker_accounts=None if file.worker_accounts is None else frozenset(file.worker_accounts),
            tasks_per_worker=file.tasks_per_worker,
            tasks_per_requester=file.tasks_per_requester,
            tasks_per_app=file.tasks_per_app,
            urgent_seconds=file.urgent_seconds,
            replicas=file.replicas,
            storage_url=network.storage_url,
            storage_copies=network.storage_copies,
            machines=tuple(
                OfferedMachine(runtime=each, platform=self.network.platform) for each in self.network.runtimes
            ),
            access=file.relative_to(base),
            database=file.database,
        )


@dataclass(frozen=True, slots=True)
class PoolCosts:
    """What a pool costs, and what its owner has."""

    gas: int  #: wei, for the registration
    stake: int  #: nRLC that the hub locks while the tasks for sale are open
    ether: int  #: wei that the owner has
    escrow: int  #: free nRLC of the owner

    @property
    def missing_ether(self) -> int:
        """Return how much ether the owner lacks, in wei."""
        return max(0, GAS_RESERVE * self.gas - self.ether)

    @property
    def missing_stake(self) -> int:
        """Return how much the owner's escrow lacks, in nRLC."""
        return max(0, self.stake - self.escrow)


def create_pool(path: Path, network: Network) -> OwnPool:
    """Write the file, the network file and a new key of a pool that is not registered yet; return it.

    Existing files stay. Raises InputRefused if the TOML file exists and does not describe a pool.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key_file = path.parent / KEY
        if not key_file.exists():
            write_file(key_file, SigningKey.generate().secret.hex().encode(), replace=False)
        file = network if network.folder else published(network)
        write_file(path.parent / NETWORK, msgspec.json.format(msgspec.json.encode(file)), mode=0o644)
        _write(path, ZERO_ADDRESS, 0)
    return read_pool(path)


def read_pool(path: Path) -> OwnPool:
    """Return the pool that a file describes; raise InputRefused for an unusable file."""
    file = read_settings(path, PoolFile, "a pool")
    try:
        accounts = file.worker_accounts
        own = {
            "workerpool": to_address(file.workerpool),
            "workers": tuple(map(to_address, file.workers)),
            "worker_accounts": None if accounts is None else tuple(map(to_address, accounts)),
        }
    except ValueError as error:
        raise InputRefused(f"{path} does not describe a pool: {error}.") from error
    if file.confirmations < 0:
        raise InputRefused(f"{path} does not describe a pool: set confirmations to a number of blocks, or to 0.")
    if not file.open_admission and amount(file.bond):
        raise InputRefused(f'{path}: only an open pool can require a bond; set open_admission = true, or bond = "0".')
    file = msgspec.structs.replace(file, **own)
    network = load_network(path.parent / file.network)
    url = file.public_url or f"http://{file.host}:{file.port}"
    network = msgspec.structs.replace(network, workerpool=file.workerpool, pool_url=url)
    return OwnPool(path, file, network, read_key(path.parent / file.key_file))


async def costs_of(conn: Connection, price: int, tasks: int) -> PoolCosts:
    """Return what registering a pool and offering ``tasks`` at ``price`` nRLC each costs the connected account."""
    registries, owner = await conn.hub.registries(), conn.address
    data = interface("WorkerpoolRegistry").call_data("createWorkerpool", owner, _description(owner))
    call = {"from": owner, "to": registries[2], "data": "0x" + data.hex()}
    gas = int(await conn.node.rpc("eth_estimateGas", call), 16) * int(await conn.node.rpc("eth_gasPrice"), 16)
    return PoolCosts(
        gas=gas,
        stake=price * STAKE_PERCENT // 100 * tasks,
        ether=int(await conn.node.rpc("eth_getBalance", owner, "latest"), 16),
        escrow=(await conn.hub.account(owner)).stake,
    )


async def register_pool(conn: Connection, pool: OwnPool) -> OwnPool:
    """Register the workerpool, behind the network's gate if the hub calls no broker; write its address into the file.

    A second call registers nothing. Raises InputRefused if another account operates the gate: vaults accept only the
    pools of the gate that they are configured with.
    """
    network, owner = conn.network, conn.address
    if await conn.hub.teebroker() == ZERO_ADDRESS:
        operator = await PoolGate(conn.node, network.broker).operator()
        if operator != owner:
            raise InputRefused(
                f"the vaults of this network accept only pools of the gate {network.broker}, and {operator} operates "
                f"it; put that account's key into {pool.path.parent / pool.file.key_file}, or ask the gate's owner."
            )
        owner = network.broker
    first = (await conn.node.block()).number
    workerpool = await Assets(conn.hub).create_workerpool(
        conn.wallet, description=_description(conn.address), owner=owner
    )
    _write(pool.path, workerpool, first)
    return read_pool(pool.path)


async def cancel_offers(conn: Connection) -> int:
    """Cancel the pool's open offers on the chain: no further run can be bought. Return their number."""
    pool, gate = conn.network.workerpool, PoolGate(conn.node, conn.network.broker)
    is_gated = await Assets(conn.hub).owner(pool) == conn.network.broker
    offers = await conn.market.orders("workerpoolorders", workerpool=pool)
    for each in offers:
        order = from_document(WorkerpoolOrder, each.order)
        await (gate.close_order(conn.wallet, order) if is_gated else conn.hub.cancel(conn.wallet, order))
    return len(offers)


def count_open_tasks(pool: OwnPool) -> int:
    """Return how many tasks of the pool have not ended."""
    engine = sql.create_engine(pool.config.store_url)
    try:
        with engine.connect() as connection:
            if not sql.inspect(connection).has_table(TASK.name):
                return 0
            return int(connection.execute(sql.select(sql.func.count()).select_from(TASK)).scalar_one())
    finally:
        engine.dispose()


def _description(owner: Address) -> str:
    return f"pool of {owner}"  # the registry makes one pool of each owner and description


def _write(path: Path, workerpool: Address, first_block: int) -> None:
    """Write a new file, or the two values into an existing one, whose other lines stay."""
    values = {"workerpool": f'"{workerpool}"', "first_block": str(first_block)}
    text = path.read_text(encoding="utf-8") if path.exists() else _TEMPLATE
    lines = [
        f"{name} = {values[name]}" if (name := line.partition("=")[0].strip()) in values else line
        for line in text.splitlines()
    ]
    write_file(path, ("\n".join(lines) + "\n").encode())


_TEMPLATE: Final = f"""# A pool of your own. `sealgrid pool init` registers it, `sealgrid pool run` runs it.
workerpool = ""
first_block = 0
network = "{NETWORK}"
key_file = "{KEY}"  # owns the pool: back it up, and keep it secret
folder = "{FOLDER}"

# Workers and requesters reach it there. Behind a proxy, or a router, write its public_url too.
host = "{LOOPBACK}"
port = {DEFAULT_PORT}
public_url = ""
requests_per_minute = {_PUBLIC_RATE}

# A PostgreSQL that several processes of the pool share; empty for a file in the folder.
database = ""

# Workers join by an invitation (`sealgrid pool invite --config FILE`). These need none:
workers = []
# With true every machine may join. On a simulated network it reads the models and inputs that it runs.
open_admission = false
# RLC that a worker without an invitation has in escrow on the hub while it works here. PoCo takes a part of it for a
# lie in a task without a TEE; nothing takes it for a task in an enclave.
bond = "0"
# The pool pays the gas of results of worker accounts. Remove the # to serve none, or only those that you list:
# worker_accounts = []

# Blocks, the newest included, before an event counts: a reorganisation of the chain may remove the newest ones. 0 is
# what the chain usually needs.
confirmations = 0
lease_seconds = 30.0  # a worker without a report for so long loses its task
tasks_per_worker = 4
"""
