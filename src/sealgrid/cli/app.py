"""``sealgrid app …``: deploy an app, see which are offered."""

from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Account, Data, PasswordFile
from sealgrid.cli.session import answers, as_account

if TYPE_CHECKING:
    from sealgrid.sdk.client import Client

app = typer.Typer(help="Deploy an app, see which are offered.", no_args_is_help=True)


@app.command()
def deploy(
    source: Annotated[str, typer.Argument(metavar="FOLDER|NAME", help="A folder with an app.toml, or a shipped app.")],
    *,
    price: Annotated[str, typer.Option(help=f"For each run. {PRICE_HELP}")] = "0",
    uses: Annotated[int, typer.Option(min=1, help="How many runs are for sale.")] = 1_000_000,
    account: Account = "developer",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Register an app under the digest of its code, and sell its use."""

    async def work(me: "Client") -> None:
        made = await me.apps.deploy(source, price=price, uses=uses)
        answers.print(f"{made.address}  {made.name!r}, measured as {made.digest}", markup=False)

    as_account(account, data, work, password_file)


@app.command("list")
def list_(
    mine: Annotated[bool, typer.Option("--mine", help="Only this account's.")] = False,
    account: Account = "developer",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """List the apps whose use is offered now, the cheapest first."""

    async def work(me: "Client") -> None:
        for offer in await me.apps.list(mine=mine):
            answers.print(
                f"{offer.address}  {offer.price!s:>12}  {offer.uses:>7} runs  {offer.name!r}",
                markup=False,
            )

    as_account(account, data, work, password_file)


@app.command()
def show(
    source: Annotated[str, typer.Argument(metavar="APP", help="An app's address, or its name.")],
    account: Account = "developer",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Show what the chain and the market know of an app."""
    from sealgrid.cli.listing import show_listing

    async def work(me: "Client") -> None:
        show_listing(await me.apps.show(source), sealed="code digest")

    as_account(account, data, work, password_file)
