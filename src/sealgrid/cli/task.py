"""``sealgrid task …``: the runs that were bought with keys of this data folder."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import Account, Data, PasswordFile
from sealgrid.cli.session import answers, as_account, notes

if TYPE_CHECKING:
    from sealgrid.sdk.client import Client

app = typer.Typer(help="The runs that you bought: how far they are, their results.", no_args_is_help=True)
Task = Annotated[str, typer.Argument(help="0x and 64 hex digits, as `run` said.")]


@app.command("list")
def list_(data: Data = None) -> None:
    """List the runs whose keys are in this data folder, the newest first; asks nobody."""
    from sealgrid.sdk.home import home
    from sealgrid.sdk.kept_jobs import KeptJobs

    for entry in KeptJobs(home(data).jobs).all():
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.created))
        answers.print(f"{entry.task}  {when}  app {entry.job().terms.app.app}")


@app.command()
def show(task: Task, account: Account = "requester", password_file: PasswordFile = None, data: Data = None) -> None:
    """Show how far a run is."""

    async def work(me: "Client") -> None:
        run = me.reopen(task)
        status = await run.status()
        answers.print(f"{status.state}, bought for {run.price}")
        for stage in status.stages:
            when = time.strftime("%H:%M:%S", time.localtime(stage.at))
            answers.print(f"  {when}  {stage.stage} {stage.detail}".rstrip(), markup=False)

    as_account(account, data, work, password_file)


@app.command()
def result(
    task: Task,
    out: Annotated[Path | None, typer.Option(help="Write result, receipt and the network's pins here.")] = None,
    account: Account = "requester",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Wait for a run's end and open its result, with the key of this data folder."""
    from sealgrid.cli.results import check_free, follow

    check_free(out)

    async def work(me: "Client") -> None:
        run = me.reopen(task)
        notes.print(f"task {run.task}")
        await follow(run, me.network, out)

    as_account(account, data, work, password_file)
