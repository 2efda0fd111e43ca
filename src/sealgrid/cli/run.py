"""``sealgrid run APP``: buy one run of an app and get its result."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.account_session import as_account, notes, unit
from sealgrid.cli.options import PRICE_HELP, Account, Data, NoticeAfter, PasswordFile, Pool
from sealgrid.cli.progress import shown_progress
from sealgrid.sdk.operations.wait_notices import PATIENCE_SECONDS

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.resources.runs import AsyncRun

_PUBLIC = "warning: public arguments, and all that the app gives to the callback contract, EVERYBODY can read for ever."
_UNPAID = (
    "warning: worker and requester hold the data of a plain callback before anything is paid; "
    "--deferred-callback opens them with the payment."
)


def run(
    app: Annotated[str, typer.Argument(metavar="APP", help="An app's name or address.")],
    *,
    model: Annotated[
        str | None, typer.Option("--model", "--dataset", metavar="MODEL", help="A model's or data's name or address.")
    ] = None,
    file: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="An input file, sealed; may be given often.")
    ] = None,
    arg: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="An argument, sealed too; may be given often.")
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBER=FILE", help="A secret of yours for the app, sealed; - is standard input."),
    ] = None,
    public_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="An argument that EVERYBODY can read, on the chain, for ever."),
    ] = None,
    callback: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="A contract that gets what the app gives out: PUBLIC, and in the worker's hands before it is paid.",
        ),
    ] = None,
    deferred_callback: Annotated[
        bool,
        typer.Option(help="Commit to the callback data on the chain; deliver them later with `task deliver`."),
    ] = False,
    tasks: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="AsyncRun the app so often on the same input.")
    ] = 1,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Stop waiting for a result after this time; the run continues."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write result, receipt and the network's pins here.")
    ] = None,
    max_price: Annotated[
        str | None, typer.Option(metavar="PRICE", help=f"The most that all may cost together. {PRICE_HELP}")
    ] = None,
    sponsor: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another account of yours, which pays and gets refunds.")
    ] = None,
    sponsor_password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its first line opens the sponsor; else you are asked.")
    ] = None,
    pool: Pool = None,
    notice_after: NoticeAfter = PATIENCE_SECONDS,
    account: Account = "requester",
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Buy one run of an app, follow it, and open its result."""
    from sealgrid.cli.password import password_for
    from sealgrid.cli.results import FollowTimeouts, check_free, follow_all
    from sealgrid.cli.secret_input import numbered_secrets
    from sealgrid.sdk.money import nothing_bought_before

    runs: list[AsyncRun] = []  # that were bought

    async def work(me: "AsyncClient") -> None:
        if public_arg or callback:
            notes.print(_PUBLIC, style="bold yellow")
        if callback:
            notes.print(_UNPAID, style="bold yellow")
        with shown_progress() as on_progress:
            bought = await me.run(
                app,
                model=model,
                files=file or (),
                args=arg or (),
                max_price=max_price,
                secrets=secrets,
                public_args=public_arg or (),
                callback=callback,
                deferred_callback=deferred_callback,
                tasks=tasks,
                sponsor=sponsor,
                sponsor_password=opens,
                pool=pool,
                on_progress=on_progress,
            )
        runs.extend(bought.tasks)
        _say_bought(bought, unit(me.network))
        await follow_all(runs, me.network, out, FollowTimeouts(timeout, notice_after))

    with nothing_bought_before(runs):
        check_free(out)
        secrets = numbered_secrets(secret or ())
        opens = password_for(sponsor, data, sponsor_password_file) if sponsor else None
        as_account(account, data, work, password_file)


def _say_bought(bought: "AsyncRun", unit: str) -> None:
    tasks = bought.tasks
    if len(tasks) == 1:
        notes.print(f"bought for {bought.price}{unit}; open it at any later time with:")
    else:
        notes.print(f"bought {len(tasks)} tasks for {bought.price}{unit} each; open them at any later time with:")
    for run in tasks:
        notes.print(f"  sealgrid task result {run.task}")
