"""``sealgrid worker account …``: one worker of PoCo for many machines."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import Json
from sealgrid.cli.output import credit_note, print_result, stdout
from sealgrid.cli.session import for_account

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.resources.fleets import Fleet

app = typer.Typer(help="A worker account: one earner for many machines.", no_args_is_help=True)

OwnAccount = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The address of a worker account.")]
Worker = Annotated[str, typer.Argument(metavar="WORKER", help="The address that `sealgrid worker start` prints.")]
OfPool = Annotated[
    str | None, typer.Option("--pool", metavar="ADDRESS", help="The workerpool; the one of the network by default.")
]


@app.command()
@for_account("owner")
async def create(me: "AsyncClient") -> None:
    """Create a worker account that you own: a contract, for the gas of one transaction."""
    stdout.print(f"worker account {await me.fleets.create()}", markup=False)


@app.command()
@for_account("owner")
async def delegate(
    me: "AsyncClient",
    fleet: OwnAccount,
    worker: Worker,
    *,
    until: Annotated[
        str, typer.Option(metavar="DATE|DURATION", help="The end: a date in UTC, or 30d, 4w, 1y from now.")
    ] = "1y",
    stake: Annotated[
        str,
        typer.Option(metavar="RLC", help="The largest stake of one result without an enclave; none by default."),
    ] = "0",
    pool: OfPool = None,
) -> None:
    """Let a machine work for your account. It signs results, and cannot move money."""
    from sealgrid.cli.end_times import parse_end

    machine = await me.fleets.delegate(fleet, worker, until=parse_end(until) or 0, stake=stake, pool=pool)
    stdout.print(f"machine {machine.worker} works for account {fleet} in pool {machine.pool}", markup=False)


@app.command()
@for_account("owner")
async def revoke(me: "AsyncClient", fleet: OwnAccount, worker: Worker, *, pool: OfPool = None) -> None:
    """End a machine's work for your account, at once."""
    await me.fleets.revoke(fleet, worker, pool=pool)
    stdout.print(f"machine {worker} works for account {fleet} no more", markup=False)


@app.command()
@for_account("owner", reads=True)
async def show(me: "AsyncClient", fleet: OwnAccount, *, as_json: Json = False) -> None:
    """Show an account's owner, machines and money."""
    import time

    found = await me.fleets.get(fleet)
    print_result(found, _lines(found, time.time()), as_json=as_json)


@app.command()
@for_account("owner")
async def deposit(
    me: "AsyncClient",
    fleet: OwnAccount,
    rlc: Annotated[str, typer.Argument(metavar="RLC", help="From your wallet, as stake of the account.")],
) -> None:
    """Deposit stake for an account. Its machines work in enclaves only, which needs none."""
    found = await me.fleets.deposit(fleet, rlc)
    stdout.print(f"account {found.account} has {found.escrow}{credit_note(me.network)} in escrow", markup=False)


@app.command()
@for_account("owner")
async def collect(
    me: "AsyncClient",
    fleet: OwnAccount,
    *,
    to: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Another account than yours that gets the money.")
    ] = None,
) -> None:
    """Move all that your worker account has free, its earnings and its stake, to your wallet."""
    sent = await me.fleets.collect(fleet, to=to)
    if sent:
        stdout.print(f"sent {sent}{credit_note(me.network)} to the wallet of {to or me.account.address}", markup=False)
    else:
        stdout.print(f"account {fleet} has nothing free in escrow; nothing was sent", markup=False)


def register(worker: typer.Typer) -> None:
    """Add these commands to those of a worker."""
    worker.add_typer(app, name="account")


def _lines(fleet: "Fleet", now: float) -> Iterator[str]:
    yield f"account  {fleet.account}, owned by {fleet.owner}"
    yield f"money    {fleet.escrow} in escrow, {fleet.locked} locked"
    for each in fleet.machines:
        days = (each.expiry - now) / 86_400
        yield f"machine  {each.worker} for pool {each.pool}, {days:.0f} days left, stakes at most {each.stake}"
    if not fleet.machines:
        yield "machine  none; add one with: sealgrid worker account delegate"
