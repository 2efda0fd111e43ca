"""``sealgrid model …`` and ``sealgrid data …``: publish your own, see what is offered, take it off the market."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.account_session import answer, answers, as_account, notes, unit, warn_of_simulated
from sealgrid.cli.offer_lines import listing_lines, offer_lines
from sealgrid.cli.options import PRICE_HELP, Account, AnyPool, Data, Json, Orders, PasswordFile, Presign
from sealgrid.cli.progress import shown_progress

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient

app = typer.Typer(help="Publish a model, see what is offered.", no_args_is_help=True)
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model's address, or its name where only one has it.")]

ProvingApp = Annotated[
    str | None,
    typer.Option("--app", metavar="APP", help="Which app proves that it opens; the one of your last offer."),
]


@app.command()
def publish(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="An ONNX model, a CSV table or any other file; it is sealed here and leaves encrypted."
        ),
    ],
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each use. {PRICE_HELP}")],
    runs: Annotated[
        str | None,
        typer.Option(
            "--app",
            metavar="APP",
            help="The only app that may use it: name or address. For a .csv file csv-statistics, else onnx-runner.",
        ),
    ] = None,
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many uses are for sale.")] = 1000,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Its public name; the file's by default.")] = None,
    orders: Orders = None,
    any_pool: AnyPool = False,
    check_file: Annotated[
        bool, typer.Option(" /--no-check", help="Do not check that the app can read the file.")
    ] = True,
    callback: Annotated[
        bool,
        typer.Option(
            "--callback",
            help="Allow runs whose result goes to a contract: PUBLIC, for ever, and possibly never paid for.",
        ),
    ] = False,
    card: Annotated[
        Path | None, typer.Option("--card", metavar="FILE", help="Markdown that says what it is: PUBLIC, for ever.")
    ] = None,
    unproved: Annotated[
        bool,
        typer.Option(
            "--unproved",
            help="Sell it without the own run, at the price of app and computing, that proves that the file opens.",
        ),
    ] = False,
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Seal a model or data, give its key to the vaults for one app alone, and sell its use."""
    from sealgrid.sdk.shipped_apps import app_for

    allowed = runs or app_for(file)

    async def work(me: "AsyncClient") -> None:
        warn_of_simulated(me.network)
        with shown_progress() as on_progress:
            made = await me.models.publish(
                file,
                app=allowed,
                price=price,
                name=name,
                uses=uses,
                orders=orders,
                any_pool=any_pool,
                check_file=check_file,
                callback=callback,
                card="" if card is None else _text(card),
                unproved=unproved,
                on_progress=on_progress,
            )
        offer = made.offers[0]
        answers.print(f"{made.address}  {made.name!r}, {uses} uses at {offer.price}{unit(me.network)} for {allowed}")

    as_account(account, data, work, password_file)


@app.command("list")
def list_(
    mine: Annotated[bool, typer.Option("--mine", help="Only this account's.")] = False,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """List the models whose use is offered now, the cheapest first."""

    async def work(me: "AsyncClient") -> None:
        found = await me.models.list(mine=mine)
        answer(found, offer_lines(found, "uses"), as_json=as_json)

    as_account(account, data, work, password_file)


@app.command()
def show(
    model: Model,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Show what the chain and the market know of a model."""

    async def work(me: "AsyncClient") -> None:
        found = await me.models.show(model)
        answer(found, listing_lines(found, sealed="sealed file"), as_json=as_json)

    as_account(account, data, work, password_file)


@app.command()
def offer(
    model: Model,
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each use. {PRICE_HELP}")],
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="How many uses are for sale.")] = 1000,
    orders: Orders = None,
    any_pool: AnyPool = False,
    presign: Presign = False,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Sell more uses of an own model, on the terms of the last offer that was signed here."""

    async def work(me: "AsyncClient") -> None:
        made = await me.models.offer(model, price=price, uses=uses, orders=orders, any_pool=any_pool, presign=presign)
        answer(made, listing_lines(made, sealed="sealed file"), as_json=as_json)

    as_account(account, data, work, password_file)


@app.command()
def price(
    model: Model,
    wanted: Annotated[str, typer.Argument(metavar="PRICE", help=f"For each use. {PRICE_HELP}")],
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Sell what is left of an own model at another price, to the same buyers; the old offers are cancelled."""

    async def work(me: "AsyncClient") -> None:
        done = await me.models.reprice(model, wanted)
        answers.print(f"{done.uses} uses of {model} are for sale at {wanted}{unit(me.network)}", markup=False)
        for place in done.unreached:
            notes.print(place, style="yellow", markup=False)

    as_account(account, data, work, password_file)


@app.command()
def unlist(model: Model, account: Account = "owner", password_file: PasswordFile = None, data: Data = None) -> None:
    """Cancel every offer of an own model on the chain, for ever; runs that were bought before go on."""

    async def work(me: "AsyncClient") -> None:
        done = await me.models.unlist(model)
        answers.print(f"cancelled {done.cancelled} offer{'s' if done.cancelled > 1 else ''} of {model}", markup=False)
        for place in done.unreached:
            notes.print(place, style="yellow", markup=False)

    as_account(account, data, work, password_file)


@app.command()
def prove(
    model: Model,
    runs: ProvingApp = None,
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Run an app once on an own model, so that the vaults know that its key opens the file and serve others."""

    async def work(me: "AsyncClient") -> None:
        with shown_progress() as on_progress:
            done = await me.models.prove(model, app=runs, on_progress=on_progress)
        answers.print(f"{done.task}  an enclave opened the file of {model}", markup=False)
        for left in done.unreached:
            notes.print(left, style="yellow", markup=False)

    as_account(account, data, work, password_file)


@app.command()
def rotate(
    model: Model,
    *,
    reseal: Annotated[bool, typer.Option("--reseal", help="Also seal the file under a new key: a new model.")] = False,
    runs: ProvingApp = None,
    unproved: Annotated[
        bool,
        typer.Option("--unproved", help="Prove later that the key opens the file; until then, buyers are refused."),
    ] = False,
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Share an own model's key anew among the vaults, which destroy the shares that they held."""

    async def work(me: "AsyncClient") -> None:
        with shown_progress() as on_progress:
            done = await me.models.rotate(model, reseal=reseal, app=runs, unproved=unproved, on_progress=on_progress)
        anew = f", sealed anew, with {done.offers} offer{'s' if done.offers != 1 else ''}" if reseal else ""
        answers.print(f"{done.address}  version {done.version} of its key{anew}", markup=False)
        for left in done.unreached:
            notes.print(left, style="yellow", markup=False)

    as_account(account, data, work, password_file)


@app.command()
def recover(
    model: Model,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A new file.")],
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Write an own model's plain file again: sealed, the network has it, and its key is in this data folder."""

    async def work(me: "AsyncClient") -> None:
        answers.print(str(await me.models.recover(model, out)), markup=False)

    as_account(account, data, work, password_file)


def _text(file: Path) -> str:
    from sealgrid.errors import InputRefused

    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(f"{file} cannot be read as text: {error}.") from error
