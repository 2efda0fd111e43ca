"""``sealgrid task …``: runs whose result keys are in the data folder."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import NOTICE_SECONDS, Account, Csv, Data, Json, NetworkName, NoticeAfter, PasswordFile
from sealgrid.cli.output import print_result, stderr, stdout
from sealgrid.cli.run_tables import (
    By,
    Chart,
    OfApp,
    OfBuyer,
    OfModel,
    OfMonth,
    OfState,
    SumsBy,
    print_rows,
    print_sums,
    run_filter,
)
from sealgrid.cli.session import AccountChoice, for_account, run_as
from sealgrid.errors import ChainError, InputRefused, NetworkNotRunning, ServiceUnavailable

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.operations.bought_runs import BoughtRun

COLUMNS = ("task", "time", "state", "amount", "app", "app_name", "model", "model_name", "requester", "deal")

app = typer.Typer(help="Your runs: states, results, logs, refunds.", no_args_is_help=True)
Task = Annotated[str, typer.Argument(metavar="TASK", help="A task's id, as `sealgrid run` prints it.")]


@app.command("list")
def list_(
    *,
    by: By = None,
    chart: Chart = False,
    of_app: OfApp = "",
    model: OfModel = "",
    buyer: OfBuyer = "",
    month: OfMonth = "",
    state: OfState = "",
    as_csv: Csv = False,
    as_json: Json = False,
    network: NetworkName = None,
    data: Data = None,
) -> None:
    """List the runs whose result keys are in the data folder, newest first, with names, prices and states.

    If the network does not answer, it lists only the stored fields: no names, and unknown states.
    """
    chosen = run_filter(of_app, model, buyer, month, state)
    runs = chosen.select(_runs(network, data))
    kind = by or (SumsBy.MONTH if chart else None)
    if kind is not None:
        print_sums(runs, kind, as_csv=as_csv, as_json=as_json, chart=chart)
    elif as_csv:
        print_rows(COLUMNS, runs)
    else:
        print_result(runs, map(_run_line, runs), as_json=as_json)


def _runs(network: str | None, data: Path | None) -> "Sequence[BoughtRun]":
    """Return the stored runs as the network knows them, or as they are stored if it does not answer."""
    from sealgrid.sdk.operations.bought_runs import stored_runs
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.job_store import JobStore

    records = JobStore(home(data).jobs).all()
    if not records:
        return ()

    async def read(me: "AsyncClient") -> "Sequence[BoughtRun]":
        with stderr.status("reading states and receipts …") if stderr.is_terminal else nullcontext():
            return await me.runs()

    try:
        return run_as(AccountChoice(None, "requester", network=network, reads=True), data, read)
    except (NetworkNotRunning, ServiceUnavailable, ChainError) as error:
        if network is not None:
            raise
        stderr.print(f"names and states are unknown: {error.message}", style="yellow", markup=False)
        return stored_runs(records)


def _run_line(run: "BoughtRun") -> str:
    bought = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.time))
    app = run.app_name or f"app {run.app}"
    model = "" if run.model is None else f" on {run.model_name or f'model {run.model}'}"
    return f"{run.task}  {bought}  {run.state:<14}  {run.amount!s:>14}  {app}{model}"


@app.command()
@for_account("requester", optional=True)
async def show(
    me: "AsyncClient",
    task: Task,
    as_json: Json = False,
) -> None:
    """Show the state of a run and its stages. Only the account that requested it sees exact stages."""
    run = me.reopen(task)
    status = await run.status()
    document = {
        "task": run.task,
        "deal": run.deal,
        "state": status.state,
        "price": run.price,
        "payer": status.payer,
        "deadline": status.deadline,
        "money": status.money,
        "stages": status.stages,
    }
    by_sponsor = "" if status.payer in (None, me.account.address) else f" by its sponsor {status.payer}"
    lines = [f"{status.state}, bought for {run.price}{by_sponsor}", status.money]
    for stage in status.stages:
        clock = time.strftime("%H:%M:%S", time.localtime(stage.at))
        lines.append(f"  {clock}  {stage.stage} {stage.detail}".rstrip())
    print_result(document, lines, as_json=as_json)


@app.command()
def result(
    task: Task,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder for result, receipt and the network's pins.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop waiting after this time; the run continues.")
    ] = None,
    notice_after: NoticeAfter = NOTICE_SECONDS,
    account: Account = None,
    password_file: PasswordFile = None,
    network: NetworkName = None,
    data: Data = None,
) -> None:
    """Wait for the end of a run and open its result with the key in the data folder."""
    from sealgrid.cli.results import FollowTimeouts, check_empty, follow

    check_empty(out)

    async def work(me: "AsyncClient") -> None:
        run = me.reopen(task)
        stderr.print(f"task {run.task}")
        await follow(run, me.network, out, FollowTimeouts(timeout, notice_after))

    run_as(AccountChoice(account, "requester", password_file, network), data, work)


@app.command()
@for_account("requester")
async def log(
    me: "AsyncClient",
    task: Task,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A new file for the log, to give to the app's developer.")
    ] = None,
) -> None:
    """Print the app's log of a paid run, whether the app failed or succeeded. Only you can read it."""
    run = me.reopen(task)
    text = await run.log()
    if out is None:
        stdout.print(text.rstrip() if text else "the app logged nothing.", markup=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputRefused(f"{out} cannot be written ({error.strerror}); give a new file with --out.") from error
    owner = (await me.apps.show(run.app)).owner
    stdout.print(f"the log is in {out}", markup=False)
    stderr.print(f"It may contain your data: read it before you give it to the app's developer, {owner},", markup=False)
    stderr.print(f"together with the number of the task, which the developer sees in `app usage`: {task}", markup=False)


@app.command()
@for_account("requester")
async def claim(
    me: "AsyncClient",
    task: Task,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Claim every task of its deal, also those that were never initialized.")
    ] = False,
    deal: Annotated[
        str | None,
        typer.Option(metavar="DEAL", help="Id of the task's deal, if the data folder has no result key of the task."),
    ] = None,
) -> None:
    """Claim the refund of a task that missed its final deadline. Any account may call it."""
    if not every:
        stdout.print(await me.claim(task, deal=deal), markup=False)
        return
    for each, money in (await me.claim_deal(task, deal=deal)).items():
        stdout.print(f"{each}  {money}", markup=False)


@app.command()
@for_account("requester")
async def buy_for(
    me: "AsyncClient",
    contract: Annotated[str, typer.Argument(metavar="CONTRACT", help="Address of a ComputeBuyer contract.")],
) -> None:
    """Buy a run for a ComputeBuyer contract, with offers of the market. The contract pays for it, you pay the gas."""
    task = await me.buy_for(contract)
    stdout.print(task, markup=False)


@app.command()
@for_account("requester")
async def deliver(
    me: "AsyncClient",
    task: Task,
    contract: Annotated[
        str,
        typer.Argument(metavar="CONTRACT", help="Address of a contract that compares the data with the commitment."),
    ],
) -> None:
    """Deliver the data of a deferred callback to a contract. This publishes the data."""
    await me.reopen(task).deliver(contract)
    stderr.print(f"{contract} received the callback data of task {task}")
