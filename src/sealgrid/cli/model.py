"""``sealgrid model …``: publish a model of your own, see what is offered, take it off the market."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Account, Data, PasswordFile
from sealgrid.cli.session import answers, as_account, notes, unit

if TYPE_CHECKING:
    from sealgrid.sdk.client import Client

app = typer.Typer(help="Publish a model, see what is offered.", no_args_is_help=True)
Model = Annotated[str, typer.Argument(help="A model's address, or its name where only one has it.")]


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="The model's file; it is sealed here and leaves encrypted.")],
    *,
    price: Annotated[str, typer.Option(help=f"For each use. {PRICE_HELP}")],
    runs: Annotated[str, typer.Option("--app", help="The only app that may use it: name or address.")] = "onnx-runner",
    uses: Annotated[int, typer.Option(min=1, help="How many uses are for sale.")] = 1000,
    name: Annotated[str | None, typer.Option(help="Its public name; the file's by default.")] = None,
    any_file: Annotated[bool, typer.Option("--any-file", help="Do not look whether it is an ONNX model.")] = False,
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Seal a model, give its key to the vaults for one app alone, and sell its use."""

    async def work(me: "Client") -> None:
        made = await me.models.publish(file, app=runs, price=price, name=name, uses=uses, any_file=any_file)
        if made.warning:
            notes.print(f"warning: {made.warning}", style="bold yellow")
        offer = made.offers[0]
        answers.print(f"{made.address}  {made.name!r}, {uses} uses at {offer.price}{unit(me.network)} for {runs}")

    as_account(account, data, work, password_file)


@app.command("list")
def list_(
    mine: Annotated[bool, typer.Option("--mine", help="Only this account's.")] = False,
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """List the models whose use is offered now, the cheapest first."""

    async def work(me: "Client") -> None:
        for offer in await me.models.list(mine=mine):
            answers.print(f"{offer.address}  {offer.price!s:>12}  {offer.uses:>7} uses  {offer.name!r}", markup=False)

    as_account(account, data, work, password_file)


@app.command()
def show(model: Model, account: Account = "owner", password_file: PasswordFile = None, data: Data = None) -> None:
    """Show what the chain and the market know of a model."""
    from sealgrid.cli.listing import show_listing

    async def work(me: "Client") -> None:
        show_listing(await me.models.show(model), sealed="sealed file")

    as_account(account, data, work, password_file)


@app.command()
def unlist(model: Model, account: Account = "owner", password_file: PasswordFile = None, data: Data = None) -> None:
    """Cancel every offer of an own model on the chain, for ever; runs that were bought before go on."""

    async def work(me: "Client") -> None:
        cancelled = await me.models.unlist(model)
        answers.print(f"cancelled {cancelled} offer{'s' if cancelled > 1 else ''} of {model}", markup=False)

    as_account(account, data, work, password_file)
