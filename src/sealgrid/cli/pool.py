"""``sealgrid pool …``: a local network's pool or one of your own, and how the tasks of any pool ended."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Data, Json, NetworkName
from sealgrid.cli.output import print_result, stderr, stdout
from sealgrid.cli.run_tables import Tasks, latest_run_lines
from sealgrid.cli.session import for_account

if TYPE_CHECKING:
    from sealgrid.crypto.signing import SigningKey
    from sealgrid.machine.pool_file import OwnPool
    from sealgrid.pool.admission import AdmittedWorkers
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.network import Network

_NO_TEE_POOL = (
    "These tasks run without a TEE: your workers need a stake in escrow, and the pool loses 30 % of its price for each "
    "task on which too few of them agree."
)
app = typer.Typer(
    help="Pools: open one of your own, offer computing, admit workers, show how tasks ended.", no_args_is_help=True
)
PoolConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="The pool's settings.")]
OfPool = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="CONFIG.toml", help="Settings of a pool of your own; by default the local network's pool."
    ),
]


@app.command()
def init(
    config: PoolConfigFile,
    *,
    price: Annotated[
        str, typer.Option(metavar="PRICE", help=f"Price of a task, which determines the stake. {PRICE_HELP}")
    ] = "1",
    tasks: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="Number of open tasks that the stake covers.")
    ] = 10,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Register it and deposit its stake without a question.")
    ] = False,
    network: NetworkName = None,
    data: Data = None,
) -> None:
    """Open a pool of your own: create its key and settings, show the costs, register it, deposit its stake.

    If something was missing, run the command again: it continues.
    """
    import asyncio

    from sealgrid.machine.pool_file import create_pool
    from sealgrid.sdk.amounts import amount
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.network_store import choose_network

    pool = create_pool(config, choose_network(home(data), network))
    asyncio.run(_register(pool, int(amount(price)), tasks, yes=yes))


async def _register(pool: "OwnPool", price: int, tasks: int, *, yes: bool) -> None:
    from sealgrid.cli.confirmation import confirm
    from sealgrid.errors import InputRefused
    from sealgrid.machine.pool_file import GAS_RESERVE, costs_of, register_pool
    from sealgrid.sdk.amounts import Amount
    from sealgrid.sdk.connection import connect
    from sealgrid.sdk.resources.account import AsyncAccount
    from sealgrid.units import ZERO_ADDRESS

    is_new = pool.file.workerpool == ZERO_ADDRESS
    async with connect(pool.network, pool.key) as conn:
        account, costs = AsyncAccount(conn), await costs_of(conn, price, tasks)
        if pool.network.has_test_money and (costs.missing_ether or costs.missing_stake):
            await account.fund(str(Amount(costs.stake)).split()[0])
            costs = await costs_of(conn, price, tasks)
        stdout.print(f"owner    {conn.address}, its key is in {pool.path.parent / pool.file.key_file}", markup=False)
        stdout.print(f"gas      {costs.gas / 10**18:.6f} ether to register it; it has {costs.ether / 10**18:.6f}")
        stdout.print(
            f"stake    {Amount(costs.stake)} while {tasks} tasks are open; its escrow has {Amount(costs.escrow)}"
        )
        wallet = (await account.balance()).wallet
        if costs.missing_ether or costs.missing_stake > wallet:
            raise InputRefused(
                f"send {conn.address} at least {GAS_RESERVE * costs.gas / 10**18:.6f} ether and "
                f"{Amount(costs.missing_stake)} to its wallet, then run this command again; nothing was registered."
            )
        if not yes and (is_new or costs.missing_stake):
            confirm(
                "Register the pool and deposit its stake?",
                elsewhere="there is no terminal to confirm it; add --yes. Nothing was registered.",
            )
        if costs.missing_stake:
            await account.deposit(Amount(costs.missing_stake))
        if is_new:
            pool = await register_pool(conn, pool)
    stdout.print(f"pool     {pool.file.workerpool}", markup=False)
    stderr.print(f"run it with: sealgrid pool run {pool.path}", markup=False)
    stderr.print(f"sell its computing with: sealgrid pool offer --config {pool.path} --price … --tasks …", markup=False)


@app.command()
def run(config: PoolConfigFile) -> None:
    """Run the service of your pool until Ctrl-C or SIGTERM."""
    from functools import partial

    from sealgrid.cli.service_process import run_service
    from sealgrid.machine.pool_file import read_pool
    from sealgrid.pool.runner import run as run_pool
    from sealgrid.sdk.amounts import Amount

    pool = read_pool(config)
    settings = pool.config
    if pool.file.open_admission:
        bond = f"with a bond of {Amount(settings.bond)}" if settings.bond else "without a bond"
        stderr.print(
            f"This pool is open: any machine may join {bond}; on a simulated network it can read all that it runs.",
            style="bold yellow",
        )
    run_service(partial(run_pool, settings), pool.file.host, pool.file.port)


@app.command()
def drain(config: PoolConfigFile) -> None:
    """Cancel the offers of your pool on the chain, for ever; its open tasks continue.

    Stop the pool when no task is open. To sell again, sign new offers with `sealgrid pool offer`.
    """
    import asyncio

    from sealgrid.machine.pool_file import cancel_offers, count_open_tasks, read_pool
    from sealgrid.sdk.connection import connect

    pool = read_pool(config)

    async def cancel() -> int:
        async with connect(pool.network, pool.key) as conn:
            return await cancel_offers(conn)

    cancelled = asyncio.run(cancel())
    stdout.print(f"cancelled offers: {cancelled}; open tasks: {count_open_tasks(pool)}", markup=False)


@app.command()
@for_account("pool", reads=True, optional=True)
async def runs(
    me: "AsyncClient",
    pool: Annotated[
        str | None, typer.Argument(metavar="POOL", help="Name of a pool in the network file, or an address.")
    ] = None,
    *,
    tasks: Tasks = 100,
    as_json: Json = False,
) -> None:
    """Show how the latest tasks of a pool ended and how long answers took, according to verified receipts."""
    with stderr.status("reading the deals and receipts …"):
        found = await me.pool_runs(pool, tasks)
    print_result(found, latest_run_lines(found), as_json=as_json)


@app.command()
def offer(
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each task. {PRICE_HELP}")],
    tasks: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of tasks for sale.")],
    *,
    category: Annotated[
        int | None,
        typer.Option(min=0, metavar="NUMBER", help="PoCo's category of the tasks; by default the shortest one."),
    ] = None,
    trust: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="NUMBER",
            help="Sell tasks without a TEE, up to this trust of PoCo: r new workers must agree at up to 2^r.",
        ),
    ] = None,
    config: OfPool = None,
    data: Data = None,
) -> None:
    """Offer computing: sign an order of the pool and publish it on the market."""
    import asyncio

    from sealgrid.localnet.prepare import offer_computing
    from sealgrid.sdk.amounts import amount

    (network, key), each = _pool(config, data), amount(price)
    asyncio.run(offer_computing(network, price=int(each), volume=tasks, category=category, trust=trust or 0, key=key))
    if trust:
        stderr.print(_NO_TEE_POOL, style="yellow")
    stdout.print(f"{network.workerpool}  {each} for each of {tasks} tasks", markup=False)


@app.command()
def invite(
    days: Annotated[int, typer.Option(min=1, max=365, metavar="DAYS", help="Time until the invitation expires.")] = 7,
    config: OfPool = None,
    data: Data = None,
) -> None:
    """Print an invitation for one worker, for `sealgrid worker start --invitation FILE`."""
    import os
    import time

    from sealgrid.attestation.statements import WorkerInvitation
    from sealgrid.units import to_digest
    from sealgrid.wire.admission import SignedInvitation

    network, key = _pool(config, data)
    expiry = int(time.time()) + days * 86_400
    invitation = WorkerInvitation(pool=network.workerpool, nonce=to_digest(os.urandom(32)), expiry=expiry)
    signature = invitation.sign(network.identity.domain, key)
    print(SignedInvitation(invitation=invitation, signature=signature).text())
    stderr.print(
        "This network simulates its enclaves: the worker that uses this invitation can read all that it runs. "
        "Send it in private: the first worker that presents it joins.",
        style="yellow",
    )


@app.command()
def workers(config: OfPool = None, data: Data = None) -> None:
    """List the workers that joined the pool, and those that were removed."""
    from sealgrid.sdk.money import format_time

    for worker, *times in _admitted(config, data).all():
        words = (f"{word} {format_time(int(at))}" for word, at in zip(("joined", "removed"), times, strict=True) if at)
        stdout.print(f"{worker}  {', '.join(words)}", markup=False)


@app.command()
def remove(
    worker: Annotated[str, typer.Argument(metavar="WORKER", help="A worker's address.")],
    config: OfPool = None,
    data: Data = None,
) -> None:
    """Remove a worker from the pool for ever. The local network's pool also revokes its machine's certificate."""
    import time

    from sealgrid.errors import InputRefused
    from sealgrid.localnet.layout import AUTHORITY, Layout
    from sealgrid.platform.authority import MachineRegistry
    from sealgrid.platform.authority_service import registry_file
    from sealgrid.sdk.addresses import parse_address

    try:
        address = parse_address(worker)
    except ValueError as error:
        raise InputRefused(
            f"{worker[:80]!r} is not an address; list the workers with: sealgrid pool workers", money=""
        ) from error
    _admitted(config, data).remove(address, time.time())
    certificate = ""
    if config is None:
        network, _ = _local_pool(data)
        registry = MachineRegistry(registry_file(Layout(Path(network.folder)).part(AUTHORITY)))
        if registry.revoke(address, time.time()):
            certificate = "; vaults refuse its certificate within a day"
        registry.close()
    stdout.print(f"{address}  removed{certificate}", markup=False)


@app.command()
def admit(
    pool: Annotated[str, typer.Argument(metavar="POOL", help="A workerpool's address.")], data: Data = None
) -> None:
    """Admit another pool to the local network: offers accept it, and its machines get certificates."""
    import asyncio

    from sealgrid.chain.access_policy import AccessPolicy
    from sealgrid.chain.assets import Assets
    from sealgrid.chain.hub import Hub
    from sealgrid.chain.node import Node
    from sealgrid.chain.pool_gate import pool_signer
    from sealgrid.chain.wallet import Wallet
    from sealgrid.errors import InputRefused
    from sealgrid.localnet.layout import AUTHORITY, Layout
    from sealgrid.localnet.network_accounts import account_keys
    from sealgrid.platform.authority import MachineRegistry
    from sealgrid.platform.authority_service import registry_file
    from sealgrid.sdk.addresses import parse_address
    from sealgrid.units import Address

    try:
        workerpool = parse_address(pool)
    except ValueError as error:
        raise InputRefused(f"{pool[:80]!r} is not an address; give the address of a workerpool.", money="") from error
    network, _ = _local_pool(data)
    layout = Layout(Path(network.folder))

    async def grant() -> Address:
        async with Node(*network.identity.rpc_urls) as node:
            assets = Assets(Hub(node, network.hub))
            if not await assets.is_registered("Workerpool", workerpool):
                raise InputRefused(
                    f"{workerpool} is not registered as a workerpool on this network; ask its owner for the address.",
                    money="",
                )
            owner = await pool_signer(node, await assets.owner(workerpool), network.broker)
            admin = Wallet(node, account_keys(layout)("admin"))
            await AccessPolicy(node, network.pool_group).grant(admin, workerpool)
            return owner

    owner = asyncio.run(grant())
    registry = MachineRegistry(registry_file(layout.part(AUTHORITY)))
    registry.admit_pool(workerpool, owner)
    registry.close()
    stdout.print(f"{workerpool}  admitted; its owner {owner} decides which machines join", markup=False)
    stderr.print("On a simulated network they can read every model and input that they run.", style="yellow")


def _pool(config: Path | None, data: Path | None) -> "tuple[Network, SigningKey]":
    from sealgrid.machine.pool_file import read_pool

    if config is None:
        return _local_pool(data)
    pool = read_pool(config)
    return pool.network, pool.key


def _local_pool(data: Path | None) -> "tuple[Network, SigningKey]":
    from sealgrid.localnet.layout import POOL, Layout
    from sealgrid.localnet.network_accounts import account_keys
    from sealgrid.sdk.network import load_network
    from sealgrid.sdk.stores.home import home

    network = load_network(home(data).network)
    return network, account_keys(Layout(Path(network.folder)))(POOL)


def _admitted(config: Path | None, data: Path | None) -> "AdmittedWorkers":
    from sealgrid.localnet.layout import Layout
    from sealgrid.machine.pool_file import read_pool
    from sealgrid.pool.admission import AdmittedWorkers

    if config is not None:
        settings = read_pool(config).config
        settings.folder.mkdir(parents=True, exist_ok=True)
        return AdmittedWorkers(settings.store_url)
    network, _ = _local_pool(data)
    return AdmittedWorkers(Layout(Path(network.folder)).pool_store.read_text())
