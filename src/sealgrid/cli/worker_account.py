"""``sealgrid worker account …``: one worker of PoCo for many machines."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Json
from sealgrid.cli.output import credit_note, print_result, stdout
from sealgrid.cli.session import for_account

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.resources.fleets import Fleet

app = typer.Typer(help="Worker accounts: one worker of PoCo for many machines.", no_args_is_help=True)

OwnAccount = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The address of a worker account.")]
Worker = Annotated[str, typer.Argument(metavar="WORKER", help="The address that `sealgrid worker start` prints.")]
OfPool = Annotated[
    str | None,
    typer.Option("--pool", metavar="ADDRESS", help="Address of the workerpool; by default that of the network file."),
]


@app.command()
@for_account("owner")
async def create(me: "AsyncClient") -> None:
    """Deploy a worker account that you own. It costs the gas of one transaction."""
    stdout.print(f"worker account {await me.fleets.create()}", markup=False)


@app.command()
@for_account("owner")
async def delegate(
    me: "AsyncClient",
    fleet: OwnAccount,
    worker: Worker,
    *,
    until: Annotated[
        str,
        typer.Option(
            metavar="DATE|DURATION", help="End: a date in UTC, such as 2030-12-31, or from now: 12h, 30d, 4w, 1y."
        ),
    ] = "1y",
    stake: Annotated[
        str,
        typer.Option(metavar="AMOUNT", help=f"Largest stake of one result without a TEE. {PRICE_HELP}"),
    ] = "0",
    pool: OfPool = None,
) -> None:
    """Let a machine work for your worker account. It signs results, and cannot move money."""
    from sealgrid.cli.end_times import parse_end

    machine = await me.fleets.delegate(fleet, worker, until=parse_end(until) or 0, stake=stake, pool=pool)
    stdout.print(f"machine {machine.worker} works for account {fleet} in pool {machine.pool}", markup=False)


@app.command()
@for_account("owner")
async def revoke(me: "AsyncClient", fleet: OwnAccount, worker: Worker, *, pool: OfPool = None) -> None:
    """Revoke a machine's permission to work for your worker account, at once."""
    await me.fleets.revoke(fleet, worker, pool=pool)
    stdout.print(f"machine {worker} no longer works for account {fleet}", markup=False)


@app.command()
@for_account("owner", reads=True)
async def show(me: "AsyncClient", fleet: OwnAccount, *, as_json: Json = False) -> None:
    """Show the owner, the machines and the money of a worker account."""
    import time

    found = await me.fleets.get(fleet)
    print_result(found, _lines(found, time.time()), as_json=as_json)


@app.command()
@for_account("owner")
async def deposit(
    me: "AsyncClient",
    fleet: OwnAccount,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help=f"Taken from your wallet. {PRICE_HELP}")],
) -> None:
    """Deposit stake in the escrow of a worker account. Work in enclaves needs no stake."""
    found = await me.fleets.deposit(fleet, amount)
    stdout.print(f"account {found.account} has {found.escrow}{credit_note(me.network)} in escrow", markup=False)


@app.command()
@for_account("owner")
async def collect(
    me: "AsyncClient",
    fleet: OwnAccount,
    *,
    to: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The account that gets the money; by default yours. It cannot be undone."),
    ] = None,
) -> None:
    """Send all free escrow of your worker account, earnings and stake, to your wallet."""
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
        yield "machine  none; add one with: sealgrid worker account delegate ACCOUNT WORKER"
