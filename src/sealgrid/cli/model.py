"""``sealgrid model …`` and ``sealgrid data …``: publish, offer, list, prove, rotate and withdraw."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.end_times import parse_end
from sealgrid.cli.offer_lines import listing_lines, offer_lines, signature_lines
from sealgrid.cli.options import PRICE_HELP, USES_PER_HOUR, AnyPool, Json, Orders, Presign
from sealgrid.cli.output import credit_note, print_result, print_warnings, stderr, stdout, warn_if_simulated
from sealgrid.cli.progress import show_progress
from sealgrid.cli.run_tables import Tasks, WithRuns, latest_run_lines
from sealgrid.cli.session import for_account

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient

app = typer.Typer(help="Publish a model, control who uses it, list the offered ones.", no_args_is_help=True)
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model's address, or its name if it is unique.")]

ProvingApp = Annotated[
    str | None,
    typer.Option("--app", metavar="APP", help="App of the proving run; by default the app of your last offer."),
]


@app.command()
@for_account("owner")
async def publish(
    me: "AsyncClient",
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="An ONNX model, a table (CSV, TSV, gzip) or any other file. It is encrypted before it is uploaded.",
        ),
    ],
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each use. {PRICE_HELP}")],
    runs: Annotated[
        str | None,
        typer.Option(
            "--app",
            metavar="APP",
            help="The only app that may use it; name or address. By default csv-statistics for tables (.csv, .tsv, "
            ".csv.gz), else onnx-runner.",
        ),
    ] = None,
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of uses for sale.")] = 1000,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Public name; by default the file's name.")] = None,
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
        Path | None,
        typer.Option("--card", metavar="FILE", help="Description of the model in Markdown: PUBLIC for ever."),
    ] = None,
    try_input: Annotated[
        Path | None,
        typer.Option(
            "--try", metavar="FILE", help="An input file for the check of the model; by default a generated one."
        ),
    ] = None,
    withhold_signature: Annotated[
        bool,
        typer.Option(
            "--withhold-signature",
            help="Do not publish the names, types and shapes of the model's inputs and outputs.",
        ),
    ] = False,
    unproved: Annotated[
        bool,
        typer.Option(
            "--unproved",
            help="Skip the proving run, which costs the price of app and computing; vaults refuse buyers until it is "
            "done.",
        ),
    ] = False,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="DATE|DURATION",
            help="End of the sale and of every grant: a date in UTC, such as 2030-12-31, or from now: 12h, 30d, "
            "4w, 1y.",
            show_default="1y",
        ),
    ] = None,
    uses_per_hour: Annotated[
        int,
        typer.Option(
            "--uses-per-hour", min=1, metavar="NUMBER", help="Largest number of uses an hour of each account."
        ),
    ] = USES_PER_HOUR,
) -> None:
    """Encrypt a model or data, deposit its key in the vaults for one app only, and offer its use."""
    from sealgrid.errors import InputRefused
    from sealgrid.sdk.money import format_time
    from sealgrid.sdk.shipped_apps import app_for
    from sealgrid.sdk.stores.text_files import decode_text

    allowed, expiry = runs or app_for(file), parse_end(until)
    warn_if_simulated(me.network)
    try:
        markdown = "" if card is None else decode_text(card.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(f"{card} cannot be read as text: {error}.") from error
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
            card=markdown,
            withhold_signature=withhold_signature,
            try_input=try_input,
            unproved=unproved,
            expiry=expiry,
            uses_per_requester_hour=uses_per_hour,
            on_progress=on_progress,
        )
    offered = f"{uses} uses at {made.offers[0].price}{credit_note(me.network)} for {allowed}"
    stdout.print(f"{made.address}  {made.name!r}, {offered}")
    for line in signature_lines(made.signature) if made.signature else ():
        stdout.print(line, markup=False)
    stderr.print(
        f"until {format_time(made.expiry)}, at most {made.uses_per_requester_hour} uses an hour for each account; "
        "change it with: sealgrid model policy set",
        markup=False,
    )


@app.command("list")
@for_account("owner", reads=True, optional=True)
async def list_(
    me: "AsyncClient",
    *,
    mine: Annotated[bool, typer.Option("--mine", help="Only models of this account.")] = False,
    runs: WithRuns = False,
    as_json: Json = False,
) -> None:
    """List the models on offer, cheapest first."""
    found = await me.models.list(mine=mine, runs=runs)
    if not found:
        stderr.print(
            f"{'this account offers no model' if mine else 'no model is for sale here'}: sealgrid model publish --help"
        )
    print_result(found, offer_lines(found, "uses"), as_json=as_json)


@app.command()
@for_account("owner", reads=True, optional=True)
async def show(
    me: "AsyncClient",
    model: Model,
    as_json: Json = False,
) -> None:
    """Show a model's registration on the chain and its offers."""
    found = await me.models.show(model)
    print_result(found, listing_lines(found, sealed="sealed file"), as_json=as_json)


@app.command()
@for_account("owner", reads=True, optional=True)
async def runs(
    me: "AsyncClient",
    model: Model,
    *,
    tasks: Tasks = 100,
    as_json: Json = False,
) -> None:
    """Show how the latest runs on a model ended and how long answers took, according to verified receipts."""
    with stderr.status("reading the deals and receipts …"):
        found = await me.models.latest_runs(model, tasks)
    print_result(found, latest_run_lines(found), as_json=as_json)


@app.command()
@for_account("owner")
async def offer(
    me: "AsyncClient",
    model: Model,
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each use. {PRICE_HELP}")],
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of uses for sale.")] = 1000,
    orders: Orders = None,
    any_pool: AnyPool = False,
    presign: Presign = False,
    as_json: Json = False,
) -> None:
    """Offer more uses of your model, on the terms of your last offer."""
    made = await me.models.offer(model, price=price, uses=uses, orders=orders, any_pool=any_pool, presign=presign)
    print_result(made, listing_lines(made, sealed="sealed file"), as_json=as_json)


@app.command()
@for_account("owner")
async def price(
    me: "AsyncClient",
    model: Model,
    new_price: Annotated[str, typer.Argument(metavar="PRICE", help=f"For each use. {PRICE_HELP}")],
) -> None:
    """Change the price of the uses that are left. It cancels the old offers; the same buyers may buy."""
    done = await me.models.reprice(model, new_price)
    stdout.print(f"{done.uses} uses of {model} are for sale at {new_price}{credit_note(me.network)}", markup=False)
    print_warnings(done.unreached)


@app.command()
@for_account("owner")
async def unlist(
    me: "AsyncClient",
    model: Model,
    delete_file: Annotated[
        bool,
        typer.Option(
            "--delete-file",
            help="Also remove the sealed file from every storage node, when no run needs it. Keep your own file: "
            "`sealgrid model recover` cannot restore it then.",
        ),
    ] = False,
) -> None:
    """Cancel every offer of your model on the chain, for ever. Runs that were bought before continue."""
    done = await me.models.unlist(model, delete_file=delete_file)
    stdout.print(f"cancelled {done.cancelled} offer{'' if done.cancelled == 1 else 's'} of {model}", markup=False)
    for node in done.nodes:
        if node.removed:
            stdout.print(f"{node.node} removed the sealed file", markup=False)
    print_warnings(done.unreached)
    print_warnings(f"{node.node} may still store the sealed file: {node.reason}" for node in done.nodes if node.reason)
    if not all(node.removed for node in done.nodes):
        raise typer.Exit(1)


@app.command()
@for_account("owner")
async def prove(
    me: "AsyncClient",
    model: Model,
    runs: ProvingApp = None,
) -> None:
    """Buy a run on your model that proves that its key opens the file. Vaults then release the key to other buyers."""
    with show_progress() as on_progress:
        done = await me.models.prove(model, app=runs, on_progress=on_progress)
    stdout.print(f"{done.task}  an enclave opened the file of {model}", markup=False)
    print_warnings(done.unreached)


@app.command()
@for_account("owner")
async def rotate(
    me: "AsyncClient",
    model: Model,
    *,
    reseal: Annotated[
        bool, typer.Option("--reseal", help="Also encrypt the file with a new key, as a new model.")
    ] = False,
    runs: ProvingApp = None,
    unproved: Annotated[
        bool,
        typer.Option("--unproved", help="Skip the proving run; vaults refuse buyers until it is done."),
    ] = False,
) -> None:
    """Distribute new shares of your model's key to the vaults, which destroy the old shares."""
    with show_progress() as on_progress:
        done = await me.models.rotate(model, reseal=reseal, app=runs, unproved=unproved, on_progress=on_progress)
    resealed = f", encrypted again, with {done.offers} offer{'s' if done.offers != 1 else ''}" if reseal else ""
    stdout.print(f"{done.address}  version {done.version} of its key{resealed}", markup=False)
    print_warnings(done.unreached)


@app.command()
@for_account("owner")
async def recover(
    me: "AsyncClient",
    model: Model,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A new file for the decrypted model.")],
) -> None:
    """Decrypt the network's copy of your model into a new file, with the key in the data folder."""
    stdout.print(str(await me.models.recover(model, out)), markup=False)
