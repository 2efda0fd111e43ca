"""``sealgrid worker …``: this machine as a worker of a pool, and its earnings."""

import warnings
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Data, Json, NetworkName
from sealgrid.cli.output import credit_note, print_result, stderr, stdout
from sealgrid.cli.session import for_account
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from rich.status import Status

    from sealgrid.machine.start import WorkerMachine
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.units import Address, TaskId

app = typer.Typer(
    help="Run jobs on this machine, collect what it earns, check its confidential hardware.", no_args_is_help=True
)

ForAccount = Annotated[
    str,
    typer.Option(
        "--account",
        metavar="ADDRESS",
        help="Address of a worker account (`sealgrid worker account`) to work for, in enclaves only.",
    ),
]
AtPool = Annotated[
    str, typer.Option("--pool", metavar="URL", help="URL of the pool; by default that of the network file.")
]


@app.command()
def run(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A development account that the local pool admits: worker2 or worker3."),
    ],
    pool: AtPool = "",
    account: ForAccount = "",
    data: Data = None,
) -> None:
    """Run another worker of the local network's pool until Ctrl-C."""
    import asyncio
    import contextlib

    from sealgrid.cli.network import layout_of
    from sealgrid.localnet.layout import WORKER
    from sealgrid.localnet.service_configs import WORKERS, worker_config
    from sealgrid.machine.start import at_pool
    from sealgrid.sdk.network import load_network
    from sealgrid.worker.runner import run as run_worker

    if name not in WORKERS or name == WORKER:
        further = " or ".join(each for each in WORKERS if each != WORKER)
        raise InputRefused(f"the local pool does not admit {name!r} as a further worker; name {further}.", money="")
    layout = layout_of(data)
    network = load_network(layout.network)
    config = worker_config(layout, asyncio.run(at_pool(network, pool)) if pool else network, name)
    config = replace(config, account=_account(account))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run_worker(config, lambda: stderr.print(f"{name} requests jobs; stop it with Ctrl-C")))


@app.command()
def start(
    *,
    network: NetworkName = None,
    invitation: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The pool's invitation, from `sealgrid pool invite`; - is standard input."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, metavar="NUMBER", help="Number of jobs at the same time.")] = 1,
    max_jobs: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="Exit after this number of jobs.")
    ] = None,
    idle_exit: Annotated[
        float | None, typer.Option(min=1, metavar="SECONDS", help="Exit after this time without a job.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="DATE|DURATION",
            help="Take no job after this time: a date in UTC, such as 2030-12-31, or from now: 12h, 30d, 4w, 1y.",
        ),
    ] = None,
    hours: Annotated[
        str | None,
        typer.Option(metavar="FROM-TO", help="Take jobs only in these hours of the local time, such as 22-6."),
    ] = None,
    when_idle: Annotated[
        bool, typer.Option("--when-idle", help="Take jobs only while nobody is logged in and the load is low.")
    ] = False,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Take no app that may use more memory than this, such as 512M or 8G; by default this machine's "
            "memory.",
        ),
    ] = None,
    apps: Annotated[
        list[str] | None, typer.Option("--app", metavar="ADDRESS", help="Run this app only; repeatable.")
    ] = None,
    requesters: Annotated[
        list[str] | None,
        typer.Option("--requester", metavar="ADDRESS", help="Run jobs of this requester only; repeatable."),
    ] = None,
    admin: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Address of the admin listener: metrics, readiness, version.")
    ] = "",
    account: ForAccount = "",
    pool: AtPool = "",
    data: Data = None,
) -> None:
    """Run jobs of a network's pool on this machine until Ctrl-C, SIGTERM or a limit.

    The first start creates the worker's keys and fetches the network's runtime; a pool without open admission also
    needs an invitation. The first Ctrl-C or SIGTERM lets running jobs end, the second stops them.
    """
    import asyncio

    from sealgrid.cli.end_times import parse_end
    from sealgrid.cli.job_filters import parse_addresses, parse_size
    from sealgrid.cli.private_input import read_secret
    from sealgrid.machine.start import load_or_create_key
    from sealgrid.wire.admission import SignedInvitation
    from sealgrid.wire.service_access import ServiceAccess
    from sealgrid.wire.service_log import configure_logging
    from sealgrid.worker.limits import WorkLimits, parse_hours

    configure_logging()
    try:
        admin_address = ServiceAccess(admin=admin).admin_address
    except ValueError as error:
        raise InputRefused(f"--admin: {error}.", money="") from error
    signed = SignedInvitation.parse(read_secret(invitation)) if invitation else None
    machine = replace(
        _worker_machine(network, data, pool),
        invitation=signed,
        limits=WorkLimits(
            jobs=jobs,
            max_jobs=max_jobs,
            idle_exit=idle_exit,
            until=parse_end(until),
            hours=None if hours is None else parse_hours(hours),
            when_idle=when_idle,
        ),
        memory=parse_size(memory),
        apps=parse_addresses(apps, "--app"),
        requesters=parse_addresses(requesters, "--requester"),
        account=_account(account),
    )
    if signed is not None and signed.invitation.pool != machine.network.workerpool:
        raise InputRefused(
            f"the invitation is for pool {signed.invitation.pool}, and {machine.network.pool_url} is pool "
            f"{machine.network.workerpool}; name the URL of the invitation's pool with --pool."
        )
    stdout.print(f"worker {load_or_create_key(machine).address} of pool {machine.network.workerpool}", markup=False)
    stderr.print(
        "This network simulates its enclaves: this machine's root user can read every model and input that it runs.",
        style="yellow",
    )
    if machine.account is not None:
        stderr.print("For a worker account this machine takes jobs in enclaves only, none without a TEE.")
    asyncio.run(_work(machine, admin_address))


def _account(text: str) -> "Address | None":
    from sealgrid.cli.job_filters import parse_addresses

    (address,) = parse_addresses([text], "--account") if text else (None,)
    return address


def _worker_machine(network: str | None, data: Path | None, pool: str) -> "WorkerMachine":
    import asyncio

    from sealgrid.machine.start import WorkerMachine, at_pool
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.network_store import choose_network

    folders = home(data)
    joined = choose_network(folders, network)
    if pool:
        joined = asyncio.run(at_pool(joined, pool))
    return WorkerMachine(joined, folders.accounts.parent / "workers" / joined.workerpool[2:])


@app.command()
def status(network: NetworkName = None, pool: AtPool = "", as_json: Json = False, data: Data = None) -> None:
    """Show the state of this machine's worker: slots, tasks, caches, earnings, and the last answer of the pool."""
    import asyncio
    import time

    from sealgrid.machine.worker_report import report_lines, worker_report

    found = asyncio.run(worker_report(_worker_machine(network, data, pool)))
    print_result(found, report_lines(found, time.time()), as_json=as_json)


@app.command()
def earnings(network: NetworkName = None, pool: AtPool = "", as_json: Json = False, data: Data = None) -> None:
    """Show the payments that this machine's worker received from tasks."""
    from sealgrid.cli.account import payment_line

    async def read(me: "AsyncClient") -> None:
        earned = await me.account.earnings()
        total = f"earned {earned.total}{credit_note(me.network)}, of which {earned.withdrawable} is in escrow"
        print_result(earned, [*map(payment_line, earned.payments), total], as_json=as_json)

    _as_worker(_worker_machine(network, data, pool), read)


@app.command()
@for_account("owner")
async def deposit(
    me: "AsyncClient",
    worker: Annotated[
        str, typer.Argument(metavar="WORKER", help="The address that `sealgrid worker start` prints, on any machine.")
    ],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help=f"Taken from your wallet. {PRICE_HELP}")],
) -> None:
    """Deposit escrow of a worker: its bond, and its stake for tasks without a TEE.

    Only `sealgrid worker collect` on the worker's machine takes it out again.
    """
    free = await me.account.deposit_stake(worker, amount)
    stdout.print(f"worker {worker} has {free}{credit_note(me.network)} free in escrow", markup=False)


@app.command()
def collect(
    to: Annotated[str, typer.Argument(metavar="ADDRESS", help="The account that gets the money. It cannot be undone.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Send it without a question.")] = False,
    network: NetworkName = None,
    pool: AtPool = "",
    data: Data = None,
) -> None:
    """Send all free escrow of this machine's worker, earnings and stake, to the wallet of an account of yours."""
    from sealgrid.cli.confirmation import confirm
    from sealgrid.sdk.addresses import parse_address

    async def move(me: "AsyncClient") -> None:
        free = (await me.account.balance()).escrow
        if not free:
            stdout.print(f"worker {me.account.address} has nothing free in escrow; nothing was sent", markup=False)
            return
        stdout.print(f"worker {me.account.address} has {free}{credit_note(me.network)} in escrow", markup=False)
        if not yes:
            confirm(
                f"Send it to {receiver}?", elsewhere="there is no terminal to confirm it; add --yes. Nothing was sent."
            )
        await me.account.send(receiver, free, from_escrow=True)
        stdout.print(f"sent {free} to the wallet of {receiver}", markup=False)

    try:
        receiver = parse_address(to)
    except ValueError as error:
        raise InputRefused(
            f"{to[:80]!r} is not an address; give the address that gets the money. Nothing was sent."
        ) from error
    _as_worker(_worker_machine(network, data, pool), move)


def _as_worker(machine: "WorkerMachine", work: "Callable[[AsyncClient], Awaitable[None]]") -> None:
    import asyncio

    from sealgrid.machine.start import load_key
    from sealgrid.sdk.client import connect_async

    key = load_key(machine)

    async def connected() -> None:
        async with connect_async(key, network=machine.network) as me:
            await work(me)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the connection sends no secret to an enclave
        asyncio.run(connected())


async def _work(machine: "WorkerMachine", admin: tuple[str, int] | None) -> None:
    import asyncio
    import signal
    import time

    from sealgrid.machine.start import open_worker
    from sealgrid.machine.worker_monitor import worker_monitor
    from sealgrid.wire.admin import admin_listener

    with stderr.status("starting …") as status:
        async with (
            open_worker(machine, status.update, _print_job) as session,
            admin_listener(worker_monitor(lambda: session.status, time.time, session.storage_faults), admin),
        ):
            loop, stopping = asyncio.get_running_loop(), 0

            def stop() -> None:
                nonlocal stopping
                stopping += 1
                if stopping == 1:
                    stderr.print("takes no further job; waiting for the running jobs (Ctrl-C again stops them)")
                    session.drain()
                else:
                    running.cancel()

            running = asyncio.ensure_future(session.run(lambda: _print_ready(status, machine)))
            for each in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(each, stop)
            await asyncio.wait({running})
            if not running.cancelled():
                running.result()


def _print_ready(status: "Status", machine: "WorkerMachine") -> None:
    from sealgrid.wire.service_manager import notify_ready

    status.stop()
    notify_ready()
    stderr.print(f"ready: requests jobs, {machine.limits.jobs} at the same time; stop it with Ctrl-C", markup=False)


def _print_job(task: "TaskId", event: str) -> None:
    stdout.print(f"{task}  {event}", markup=False)
