"""``sealgrid app …``: deploy an app, give it its secret, see which are offered."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.account_session import answer, answers, as_account, notes, warn_of_simulated
from sealgrid.cli.offer_lines import listing_lines, offer_lines
from sealgrid.cli.options import PRICE_HELP, Account, AnyPool, Data, Json, Orders, PasswordFile, Presign

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient

app = typer.Typer(help="Deploy an app, see which are offered.", no_args_is_help=True)
App = Annotated[str, typer.Argument(metavar="APP", help="An app's address, or its name where only one has it.")]


@app.command()
def deploy(
    source: Annotated[str, typer.Argument(metavar="FOLDER|NAME", help="A folder with an app.toml, or a shipped app.")],
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each run. {PRICE_HELP}")] = "0",
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many runs are for sale.")] = 1_000_000,
    orders: Orders = None,
    any_pool: AnyPool = False,
    account: Account = "developer",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Register an app under the digest of its code, and sell its use."""

    async def work(me: "AsyncClient") -> None:
        made = await me.apps.deploy(source, price=price, uses=uses, orders=orders, any_pool=any_pool)
        answers.print(
            f"{made.address}  {made.name!r} for Python {me.network.python}, measured as {made.digest}", markup=False
        )

    as_account(account, data, work, password_file)


@app.command()
def offer(
    app: App,
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each run. {PRICE_HELP}")],
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many runs are for sale.")] = 1_000_000,
    orders: Orders = None,
    any_pool: AnyPool = False,
    presign: Presign = False,
    account: Account = "developer",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Sell uses of an own app that stands on the chain already."""

    async def work(me: "AsyncClient") -> None:
        made = await me.apps.offer(app, price=price, uses=uses, orders=orders, any_pool=any_pool, presign=presign)
        answer(made, listing_lines(made, sealed="code digest"), as_json=as_json)

    as_account(account, data, work, password_file)


@app.command("list")
def list_(
    mine: Annotated[bool, typer.Option("--mine", help="Only this account's.")] = False,
    account: Account = "developer",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """List the apps whose use is offered now, the cheapest first."""

    async def work(me: "AsyncClient") -> None:
        found = await me.apps.list(mine=mine)
        answer(found, offer_lines(found, "runs"), as_json=as_json)

    as_account(account, data, work, password_file)


@app.command()
def show(
    source: App,
    account: Account = "developer",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Show what the chain and the market know of an app."""

    async def work(me: "AsyncClient") -> None:
        found = await me.apps.show(source)
        answer(found, listing_lines(found, sealed="code digest"), as_json=as_json)

    as_account(account, data, work, password_file)


@app.command()
def verify(
    source: App,
    account: Account = "developer",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Check that an app's bundle is the one that its digest names, and build its environment again from the wheels."""

    async def work(me: "AsyncClient") -> None:
        with notes.status("fetching the bundle, building its environment again …"):
            found = await me.apps.verify(source)
        answers.print(f"the bundle is the app's: {found.files} files, measured as {found.digest}", markup=False)
        answers.print(found.environment, markup=False)

    as_account(account, data, work, password_file)


@app.command()
def secret(
    source: App,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that holds it, or - for standard input; never an argument.")
    ],
    account: Account = "developer",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Give an own app its secret, sealed: each later run finds it as IEXEC_APP_DEVELOPER_SECRET, nobody else does."""
    from sealgrid.cli.secret_input import read_secret

    text = read_secret(file)

    async def work(me: "AsyncClient") -> None:
        warn_of_simulated(me.network)
        await me.apps.set_secret(source, text)
        notes.print("the vaults have its key; an earlier secret of this app is replaced")

    as_account(account, data, work, password_file)
