"""``sealgrid task …``: the runs that were bought with keys of this data folder."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.account_session import answer, answers, as_account, notes
from sealgrid.cli.options import Account, Data, Json, NoticeAfter, PasswordFile
from sealgrid.sdk.operations.wait_notices import PATIENCE_SECONDS
from sealgrid.units import ZERO_ADDRESS

if TYPE_CHECKING:
    from sealgrid.sdk.amounts import Amount
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.resources.runs import RunStatus
    from sealgrid.sdk.stores.job_store import JobRecord

app = typer.Typer(help="The runs that you bought: how far they are, their results.", no_args_is_help=True)
Task = Annotated[str, typer.Argument(metavar="TASK", help="0x and 64 hex digits, as `run` said.")]


@app.command("list")
def list_(as_json: Json = False, data: Data = None) -> None:
    """List the runs whose keys are in this data folder, the newest first; asks nobody."""
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.job_store import JobStore

    kept = JobStore(home(data).jobs).all()
    answer([_document(entry) for entry in kept], map(_line, kept), as_json=as_json)


def _document(entry: "JobRecord") -> dict[str, object]:
    terms = entry.job().terms
    model = None if terms.dataset.dataset == ZERO_ADDRESS else terms.dataset.dataset
    return {
        "task": entry.task,
        "deal": entry.deal,
        "account": entry.account,
        "app": terms.app.app,
        "model": model,
        "price": terms.price,
        "created": entry.created,
    }


def _line(entry: "JobRecord") -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.created))
    return f"{entry.task}  {when}  app {entry.job().terms.app.app}"


@app.command()
def show(
    task: Task,
    account: Account = "requester",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Show how far a run is."""

    async def work(me: "AsyncClient") -> None:
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
        sponsor = None if status.payer == me.account.address else status.payer
        answer(document, _status_lines(run.price, status, sponsor), as_json=as_json)

    as_account(account, data, work, password_file)


def _status_lines(price: "Amount", status: "RunStatus", sponsor: str | None) -> Iterator[str]:
    by = f" by its sponsor {sponsor}" if sponsor else ""
    yield f"{status.state}, bought for {price}{by}"
    yield status.money
    for stage in status.stages:
        yield f"  {_clock(stage.at)}  {stage.stage} {stage.detail}".rstrip()


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


@app.command()
def result(
    task: Task,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write result, receipt and the network's pins here.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop waiting after this time; the run continues.")
    ] = None,
    notice_after: NoticeAfter = PATIENCE_SECONDS,
    account: Account = "requester",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Wait for a run's end and open its result, with the key of this data folder."""
    from sealgrid.cli.results import FollowTimeouts, check_free, follow

    check_free(out)

    async def work(me: "AsyncClient") -> None:
        run = me.reopen(task)
        notes.print(f"task {run.task}")
        await follow(run, me.network, out, FollowTimeouts(timeout, notice_after))

    as_account(account, data, work, password_file)


@app.command()
def claim(
    task: Task,
    *,
    every: Annotated[bool, typer.Option("--all", help="Claim every task of its deal, opened or not.")] = False,
    deal: Annotated[
        str | None, typer.Option(metavar="DEAL", help="The task's deal, if this folder has no key of the task.")
    ] = None,
    account: Account = "requester",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Have a task's price refunded that no machine finished before its final deadline; anybody may ask."""

    async def work(me: "AsyncClient") -> None:
        if not every:
            answers.print(await me.claim(task, deal=deal), markup=False)
            return
        for each, money in (await me.claim_deal(task, deal=deal)).items():
            answers.print(f"{each}  {money}", markup=False)

    as_account(account, data, work, password_file)


@app.command()
def deliver(
    task: Task,
    contract: Annotated[str, typer.Argument(metavar="CONTRACT", help="The address of a contract that checks it.")],
    account: Account = "requester",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Deliver the data of a deferred callback to a contract. From then on everybody can read them."""

    async def work(me: "AsyncClient") -> None:
        await me.reopen(task).deliver(contract)
        notes.print(f"{contract} has the callback data of task {task}")

    as_account(account, data, work, password_file)
