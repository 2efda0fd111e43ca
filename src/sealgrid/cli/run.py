"""``sealgrid run APP``: buy runs of an app and open their results."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealgrid.cli.options import (
    NOTICE_SECONDS,
    PRICE_HELP,
    Account,
    Data,
    Json,
    NetworkName,
    NoticeAfter,
    PasswordFile,
    Pool,
)
from sealgrid.cli.output import credit_note, print_result, stderr
from sealgrid.cli.progress import show_progress
from sealgrid.cli.session import AccountChoice, run_as
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.resources.runs import AsyncRun

_PUBLIC = "warning: public arguments and callback data are PUBLIC for ever."
_NO_TEE = (
    "warning: without a TEE the input and the result of this run are PUBLIC, and nothing proves the result: the "
    "pool, or as many of its workers as must agree, can return a false one. There is no receipt."
)
_UNPAID = (
    "warning: worker and requester have the data of a plain callback before the payment; "
    "--deferred-callback opens them with the payment."
)


def run(
    app: Annotated[str, typer.Argument(metavar="APP", help="An app's name or address.")],
    *,
    model: Annotated[
        str | None,
        typer.Option("--model", "--data", "--dataset", metavar="MODEL", help="Name or address of a model or data."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="An input file, encrypted; repeatable. - is standard input."),
    ] = None,
    arg: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="An argument, encrypted; repeatable.")] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBER=FILE", help="A secret for the app, encrypted; repeatable. - is standard input."),
    ] = None,
    public_arg: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="An argument on the chain: PUBLIC for ever; repeatable."),
    ] = None,
    callback: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="A contract that receives the app's callback data: PUBLIC, and known to the worker before payment.",
        ),
    ] = None,
    deferred_callback: Annotated[
        bool,
        typer.Option(
            "--deferred-callback",
            help="Commit to the callback data on the chain; deliver them later with `sealgrid task deliver`.",
        ),
    ] = False,
    map_: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="DIR|TABLE",
            help="Buy a task for each file of a folder, or for each batch of rows of a .csv, .jsonl or .parquet file.",
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="With --map: rows of a table for each task; by default as many as the model requires, else 1000.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="With --map: a name for this purchase; the same command with the same name buys nothing twice.",
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="With --map and --key: buy the failed tasks again, and only these.")
    ] = False,
    tasks: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of runs on the same input.")] = 1,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Stop waiting for a result after this time; the run continues."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder for result, receipt and the network's pins.")
    ] = None,
    max_price: Annotated[str | None, typer.Option(metavar="PRICE", help=f"Highest total price. {PRICE_HELP}")] = None,
    sponsor: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another account of yours, which pays and receives refunds.")
    ] = None,
    sponsor_password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with the sponsor's password in its first line.")
    ] = None,
    pool: Pool = None,
    no_tee: Annotated[
        bool,
        typer.Option(
            "--no-tee", help="Run it without an enclave: input and result are PUBLIC, and several workers compute it."
        ),
    ] = False,
    trust: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="NUMBER",
            help="With --no-tee: PoCo's trust; r new workers must agree at up to 2^r. By default 3.",
        ),
    ] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help="Longest time from the deal to the result; buys a category that is long enough.",
        ),
    ] = None,
    notice_after: NoticeAfter = NOTICE_SECONDS,
    quote: Annotated[
        bool,
        typer.Option("--quote", help="Print price, balance and expected time, and buy nothing."),
    ] = False,
    as_json: Json = False,
    account: Account = None,
    password_file: PasswordFile = None,
    network: NetworkName = None,
    data: Data = None,
) -> None:
    """Buy runs of an app, follow them, and open their results."""
    from sealgrid.cli.bag import MapOptions, check_map_options, run_map
    from sealgrid.cli.private_input import password_for, read_inputs
    from sealgrid.cli.quote_lines import quote_lines
    from sealgrid.cli.results import FollowTimeouts, check_empty, follow_all
    from sealgrid.sdk.money import nothing_bought_before

    runs: list[AsyncRun] = []
    bought: list[object] = []

    async def work(me: "AsyncClient") -> None:
        if callback:
            stderr.print(_UNPAID, style="bold yellow")
        if quote:
            with show_progress() as on_progress:
                quoted = await me.quote(app, **options, on_progress=on_progress)
            print_result(quoted, quote_lines(quoted, me.network), as_json=as_json)
            return
        with show_progress() as on_progress:
            first = await me.run(app, **options, on_progress=on_progress)
        runs.extend(first.tasks)
        bought.extend(runs)
        count, price = len(runs), f"{first.price}{credit_note(me.network)}"
        if count == 1:
            stderr.print(f"bought for {price}; open it at any later time with:")
        else:
            stderr.print(f"bought {count} tasks for {price} each; open them at any later time with:")
        for each in runs:
            stderr.print(f"  sealgrid task result {each.task}")
        await follow_all(runs, me.network, out, FollowTimeouts(timeout, notice_after))

    with nothing_bought_before(bought):
        if as_json and not quote:
            raise InputRefused("--json is for --quote, which prints the price of a run and buys nothing; add --quote.")
        if trust is not None and not no_tee:
            raise InputRefused("--trust belongs to a run without a TEE; add --no-tee.")
        others = (file, callback, sponsor, deferred_callback, tasks != 1)
        check_map_options(map_, rows, key, retry=retry, others=any(others))
        check_empty(None if key else out)  # a purchase with a key may continue one, with its results
        files, secrets = read_inputs(file, secret)
        options: dict[str, Any] = {
            "model": model,
            "files": files,
            "args": arg or (),
            "max_price": max_price,
            "secrets": secrets,
            "public_args": public_arg or (),
            "callback": callback,
            "deferred_callback": deferred_callback,
            "tasks": tasks,
            "sponsor": sponsor,
            "sponsor_password": password_for(sponsor, data, sponsor_password_file) if sponsor else None,
            "pool": pool,
            "tee": not no_tee,
            "trust": trust,
            "max_time": max_time,
        }
        if no_tee:
            stderr.print(_NO_TEE, style="bold yellow")
        if public_arg or callback:
            stderr.print(_PUBLIC, style="bold yellow")
        choice = AccountChoice(account, "requester", password_file, network)
        mapped = MapOptions(app, model, map_, rows, key, retry, quote, as_json, out, timeout, options)
        run_as(choice, data, work if map_ is None else lambda me: run_map(me, mapped, bought))
