"""``sealgrid app …``: deploy and offer apps, change prices, set secrets, list and verify them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.offer_lines import changelog_lines, listing_lines, offer_lines
from sealgrid.cli.options import PRICE_HELP, Account, AnyPool, Data, Json, NetworkName, Orders, PasswordFile, Presign
from sealgrid.cli.output import credit_note, print_result, print_warnings, stderr, stdout, warn_if_simulated
from sealgrid.cli.progress import show_progress
from sealgrid.cli.run_tables import Tasks, WithRuns, latest_run_lines
from sealgrid.cli.session import AccountChoice, for_account, run_as
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.operations.app_usage import AppUsage
    from sealgrid.sdk.resources.offers import Listing

app = typer.Typer(help="Write, test and deploy an app, list the offered ones.", no_args_is_help=True)
_NO_TEE_APP = (
    "Runs without a TEE are public: everyone can read their input and result, and no receipt proves that this app ran."
)
App = Annotated[str, typer.Argument(metavar="APP", help="An app's address, or its name if it is unique.")]


@app.command()
@for_account("developer")
async def deploy(
    me: "AsyncClient",
    source: Annotated[
        str, typer.Argument(metavar="DIR|NAME", help="A folder with an app.toml, or the name of a shipped app.")
    ],
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each run. {PRICE_HELP}")] = "0",
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of runs for sale.")] = 1_000_000,
    orders: Orders = None,
    any_pool: AnyPool = False,
    no_tee: Annotated[
        bool, typer.Option("--no-tee", help="Also offer runs without a TEE, if equal inputs give equal results.")
    ] = False,
    file: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="With --no-tee: an input file for the check of equal results; repeatable."),
    ] = None,
) -> None:
    """Register an app under the digest of its code, and offer runs of it. Changed code becomes its next version."""
    if file and not no_tee:
        raise InputRefused("--file is an input for the check of --no-tee; add --no-tee, or leave out --file.", money="")
    if no_tee:
        await _require_deterministic(source, file or [])
    with show_progress() as on_progress:
        made = await me.apps.deploy(
            source, price=price, uses=uses, orders=orders, any_pool=any_pool, on_progress=on_progress
        )
    if no_tee:
        await me.apps.offer(made, price=price, uses=uses, orders=orders, any_pool=any_pool, tee=False)
        stderr.print(_NO_TEE_APP, style="yellow")
    stdout.print(
        f"{made.address}  {made.name!r} for Python {me.network.python}, measured as {made.digest}", markup=False
    )


async def _require_deterministic(source: str, files: list[Path]) -> None:
    """Raise InputRefused for an app whose result is not the same on equal input: its workers would not agree."""
    import asyncio

    from sealgrid.sdk.shipped_apps import source_folder
    from sealgrid.testing.determinism import check_determinism

    with stderr.status("comparing runs of the app in the sandbox …"):
        report = await asyncio.to_thread(check_determinism, source_folder(source), files=files)
    if report.ok:
        return
    failure = next((trial.failure for trial in report.trials if trial.failure), "")
    cause = failure or f"its result depends on {' and '.join(report.causes)}"
    raise InputRefused(
        f"this app cannot be sold without a TEE: {cause.rstrip('.')}; find out why with: sealgrid app test "
        "--determinism. "
        "Nothing was deployed.",
        money="",
    )


@app.command()
@for_account("developer")
async def offer(
    me: "AsyncClient",
    app: App,
    *,
    price: Annotated[str, typer.Option(metavar="PRICE", help=f"For each run. {PRICE_HELP}")],
    uses: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of runs for sale.")] = 1_000_000,
    orders: Orders = None,
    any_pool: AnyPool = False,
    presign: Presign = False,
    as_json: Json = False,
) -> None:
    """Offer more runs of an app that you have deployed."""
    made = await me.apps.offer(app, price=price, uses=uses, orders=orders, any_pool=any_pool, presign=presign)
    print_result(made, listing_lines(made, sealed="code digest"), as_json=as_json)


@app.command("list")
@for_account("developer", reads=True, optional=True)
async def list_(
    me: "AsyncClient",
    *,
    mine: Annotated[bool, typer.Option("--mine", help="Only apps of this account.")] = False,
    runs: WithRuns = False,
    as_json: Json = False,
) -> None:
    """List the apps on offer, cheapest first."""
    found = await me.apps.list(mine=mine, runs=runs)
    if not found:
        stderr.print(
            f"{'this account offers no app' if mine else 'no app is for sale here'}: sealgrid app deploy --help"
        )
    print_result(found, offer_lines(found, "runs"), as_json=as_json)


@app.command()
@for_account("developer", reads=True, optional=True)
async def show(
    me: "AsyncClient",
    source: App,
    *,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print only the JSON Schema of the inputs of a run.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show an app's registration on the chain, its offers, the inputs of a run, and its changelog."""
    if schema:
        print_result(await me.apps.input_schema(source), (), as_json=True)
        return
    found = await me.apps.show(source)
    inputs = [] if as_json else await _input_lines(me, found)
    changes = changelog_lines(found.changelog)
    print_result(found, (*listing_lines(found, sealed="code digest"), *inputs, *changes), as_json=as_json)


async def _input_lines(me: "AsyncClient", found: "Listing") -> list[str]:
    """Return what a run takes, one line each; none while the app's bundle cannot be read."""
    from sealgrid.bundle.input_words import describe_inputs
    from sealgrid.errors import SealgridError

    try:
        spec = await me.apps.inputs(found)
    except SealgridError as error:
        return [f"{'takes':<12} unknown: {error.reason}"]
    return [
        f"{'takes':<12} {line}" for line in (describe_inputs(spec) if spec else ["anything; it declares no inputs"])
    ]


@app.command()
@for_account("developer")
async def price(
    me: "AsyncClient",
    app: App,
    new_price: Annotated[str, typer.Argument(metavar="PRICE", help=f"For each run. {PRICE_HELP}")],
) -> None:
    """Change the price of the runs that are left. It cancels the old offers."""
    done = await me.apps.reprice(app, new_price)
    stdout.print(f"{done.uses} runs of {app} are for sale at {new_price}{credit_note(me.network)}", markup=False)
    print_warnings(done.unreached)


@app.command()
@for_account("developer")
async def unlist(
    me: "AsyncClient",
    app: App,
) -> None:
    """Cancel every offer of your app on the chain, for ever. Runs that were bought before continue."""
    done = await me.apps.unlist(app)
    stdout.print(f"cancelled {done.cancelled} offer{'s' if done.cancelled != 1 else ''} of {app}", markup=False)
    print_warnings(done.unreached)


@app.command()
@for_account("developer", reads=True, optional=True)
async def runs(
    me: "AsyncClient",
    app: App,
    *,
    tasks: Tasks = 100,
    as_json: Json = False,
) -> None:
    """Show how the latest runs of an app ended and how long answers took, according to verified receipts."""
    with stderr.status("reading the deals and receipts …"):
        found = await me.apps.latest_runs(app, tasks)
    print_result(found, latest_run_lines(found), as_json=as_json)


@app.command()
@for_account("developer")
async def usage(
    me: "AsyncClient",
    app: App,
    as_json: Json = False,
) -> None:
    """Show how the runs of your app ended, its buyers and its revenue."""
    with stderr.status("reading the deals and receipts …"):
        found = await me.apps.usage(app)
    document = {
        "app": found.app,
        "runs": len(found.uses),
        "complete": found.is_complete,
        "counts": found.counts,
        "revenue": found.revenue,
        "buyers": found.buyers,
        "uses": found.uses,
    }
    print_result(document, _usage_lines(found, credit_note(me.network)), as_json=as_json)


@app.command()
@for_account("developer", reads=True, optional=True)
async def verify(
    me: "AsyncClient",
    source: App,
) -> None:
    """Compare an app's bundle with its digest, and rebuild its environment from the wheels."""
    with stderr.status("fetching the bundle, rebuilding its environment …"):
        found = await me.apps.verify(source)
    stdout.print(f"the bundle is the app's: {found.files} files, measured as {found.digest}", markup=False)
    stdout.print(found.environment, markup=False)


@app.command()
def secret(
    source: App,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file with the secret, or - for standard input.")],
    *,
    account: Account = None,
    password_file: PasswordFile = None,
    network: NetworkName = None,
    data: Data = None,
) -> None:
    """Set an app's secret. Only its later runs can read it, as IEXEC_APP_DEVELOPER_SECRET."""
    from sealgrid.cli.private_input import read_secret

    text = read_secret(file)

    async def work(me: "AsyncClient") -> None:
        warn_if_simulated(me.network)
        await me.apps.set_secret(source, text)
        stderr.print("the vaults store its key; it replaces an earlier secret of this app")

    run_as(AccountChoice(account, "developer", password_file, network), data, work)


_STATES = {
    "answered": "ended with an answer",
    "app-failed": "the app failed",
    "refused": "the vaults refused the deal",
    "model-unopened": "the model's file did not open",
    "paid": "paid, without a receipt that can be verified",
    "waiting": "not begun",
    "running": "not ended",
    "refundable": "no machine finished it; the buyer can claim the money back",
    "refunded": "no machine finished it; the buyer's money came back",
}


def _usage_lines(usage: "AppUsage", note: str) -> Iterator[str]:
    yield f"{'runs':<12} {len(usage.uses)}{'' if usage.is_complete else ', and older ones'}"
    for state, count in sorted(usage.counts.items(), key=lambda each: -each[1]):
        yield f"{'':<12} {count:>6}  {_STATES[state]}"
    yield f"{'revenue':<12} {usage.revenue}{note}"
    for buyer in usage.buyers:
        yield f"{'buyer':<12} {buyer.requester}  {buyer.runs} runs  {buyer.revenue}"
    for use in usage.uses:
        at = datetime.fromtimestamp(use.time, UTC).strftime("%Y-%m-%d %H:%M UTC")
        yield f"{at}  {use.task}  {use.state:<14}  {use.price}"
