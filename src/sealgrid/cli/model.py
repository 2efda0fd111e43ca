"""``sealgrid model …`` and ``sealgrid data …``: publish, offer, list, prove, rotate and withdraw."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.offer_lines import listing_lines, offer_lines
from sealgrid.cli.options import PRICE_HELP, Account, AnyPool, Data, Json, Orders, PasswordFile, Presign
from sealgrid.cli.output import credit_note, print_result, print_warnings, stdout, warn_if_simulated
from sealgrid.cli.progress import show_progress
from sealgrid.cli.session import run_as

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient

app = typer.Typer(help="Publish a model, list the offered ones.", no_args_is_help=True)
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model's address, or its name if it is unique.")]

ProvingApp = Annotated[
    str | None,
    typer.Option("--app", metavar="APP", help="App of the proving run; by default that of your last offer."),
]


@app.command()
def publish(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="An ONNX model, a CSV table or any other file. It is encrypted before it is uploaded."
        ),
    ],
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each use. {PRICE_HELP}")],
    runs: Annotated[
        str | None,
        typer.Option(
            "--app",
            metavar="APP",
            help="The only app that may use it, name or address; by default csv-statistics for .csv, else onnx-runner.",
        ),
    ] = None,
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of uses for sale.")] = 1000,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Public name; by default the file's.")] = None,
    orders: Orders = None,
    any_pool: AnyPool = False,
    check_file: Annotated[
        bool, typer.Option("--check-file/--no-check-file", help="Check that the app can read the file.")
    ] = True,
    callback: Annotated[
        bool,
        typer.Option(
            "--callback",
            help="Allow runs that deliver their result to a contract: PUBLIC for ever, and possibly unpaid.",
        ),
    ] = False,
    card: Annotated[
        Path | None, typer.Option("--card", metavar="FILE", help="Description in Markdown: PUBLIC for ever.")
    ] = None,
    unproved: Annotated[
        bool,
        typer.Option(
            "--unproved",
            help="Skip the run, at the price of app and computing, that proves that the key opens the file.",
        ),
    ] = False,
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Encrypt a model or data, deposit its key in the vaults for one app only, and offer its use."""
    from sealgrid.sdk.shipped_apps import app_for

    allowed = runs or app_for(file)

    async def work(me: "AsyncClient") -> None:
        warn_if_simulated(me.network)
        with show_progress() as on_progress:
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
                card="" if card is None else _read_text(card),
                unproved=unproved,
                on_progress=on_progress,
            )
        offer = made.offers[0]
        stdout.print(
            f"{made.address}  {made.name!r}, {uses} uses at {offer.price}{credit_note(me.network)} for {allowed}"
        )

    run_as(account, data, work, password_file)


@app.command("list")
def list_(
    mine: Annotated[bool, typer.Option("--mine", help="Only those of this account.")] = False,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """List the models on offer, cheapest first."""

    async def work(me: "AsyncClient") -> None:
        found = await me.models.list(mine=mine)
        print_result(found, offer_lines(found, "uses"), as_json=as_json)

    run_as(account, data, work, password_file)


@app.command()
def show(
    model: Model,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Show a model's registration on the chain and its offers."""

    async def work(me: "AsyncClient") -> None:
        found = await me.models.show(model)
        print_result(found, listing_lines(found, sealed="sealed file"), as_json=as_json)

    run_as(account, data, work, password_file)


@app.command()
def offer(
    model: Model,
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each use. {PRICE_HELP}")],
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of uses for sale.")] = 1000,
    orders: Orders = None,
    any_pool: AnyPool = False,
    presign: Presign = False,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Offer more uses of your model, on the terms of your last offer."""

    async def work(me: "AsyncClient") -> None:
        made = await me.models.offer(model, price=price, uses=uses, orders=orders, any_pool=any_pool, presign=presign)
        print_result(made, listing_lines(made, sealed="sealed file"), as_json=as_json)

    run_as(account, data, work, password_file)


@app.command()
def price(
    model: Model,
    new_price: Annotated[str, typer.Argument(metavar="PRICE", help=f"For each use. {PRICE_HELP}")],
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Change the price of the uses that are left. The old offers are cancelled; the same buyers may buy."""

    async def work(me: "AsyncClient") -> None:
        done = await me.models.reprice(model, new_price)
        stdout.print(f"{done.uses} uses of {model} are for sale at {new_price}{credit_note(me.network)}", markup=False)
        print_warnings(done.unreached)

    run_as(account, data, work, password_file)


@app.command()
def unlist(model: Model, account: Account = "owner", password_file: PasswordFile = None, data: Data = None) -> None:
    """Cancel every offer of your model on the chain, for ever. Runs bought before continue."""

    async def work(me: "AsyncClient") -> None:
        done = await me.models.unlist(model)
        stdout.print(f"cancelled {done.cancelled} offer{'s' if done.cancelled > 1 else ''} of {model}", markup=False)
        print_warnings(done.unreached)

    run_as(account, data, work, password_file)


@app.command()
def prove(
    model: Model,
    runs: ProvingApp = None,
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Run an app once on your model to prove that its key opens the file. Vaults release it to others after that."""

    async def work(me: "AsyncClient") -> None:
        with show_progress() as on_progress:
            done = await me.models.prove(model, app=runs, on_progress=on_progress)
        stdout.print(f"{done.task}  an enclave opened the file of {model}", markup=False)
        print_warnings(done.unreached)

    run_as(account, data, work, password_file)


@app.command()
def rotate(
    model: Model,
    *,
    reseal: Annotated[bool, typer.Option("--reseal", help="Also encrypt the file anew, as a new model.")] = False,
    runs: ProvingApp = None,
    unproved: Annotated[
        bool,
        typer.Option("--unproved", help="Skip the proving run; vaults refuse buyers until it is done."),
    ] = False,
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Distribute new shares of your model's key; the vaults destroy the old ones."""

    async def work(me: "AsyncClient") -> None:
        with show_progress() as on_progress:
            done = await me.models.rotate(model, reseal=reseal, app=runs, unproved=unproved, on_progress=on_progress)
        resealed = f", encrypted again, with {done.offers} offer{'s' if done.offers != 1 else ''}" if reseal else ""
        stdout.print(f"{done.address}  version {done.version} of its key{resealed}", markup=False)
        print_warnings(done.unreached)

    run_as(account, data, work, password_file)


@app.command()
def recover(
    model: Model,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A new file.")],
    account: Account = "owner",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Decrypt your model into a new file: from the network's encrypted copy, with the key in the data folder."""

    async def work(me: "AsyncClient") -> None:
        stdout.print(str(await me.models.recover(model, out)), markup=False)

    run_as(account, data, work, password_file)


def _read_text(file: Path) -> str:
    from sealgrid.errors import InputRefused

    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(f"{file} cannot be read as text: {error}.") from error
