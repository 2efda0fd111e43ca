"""``sealgrid ados watch``: buys the data quality of each window of a stream, once, as it is due."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Pool
from sealgrid.cli.output import stderr
from sealgrid.cli.session import for_account
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient

_PUBLIC = "warning: the rounds of a feed are PUBLIC for ever."


@for_account("requester")
async def watch(
    me: "AsyncClient",
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|URL", help="A growing file of CSV or JSON lines, or mqtt[s]://[USER@]HOST[:PORT]/TOPIC."
        ),
    ],
    *,
    model: Annotated[str, typer.Option(metavar="MODEL", help="Name or address of the model.")],
    journal: Annotated[
        Path,
        typer.Option(metavar="DIR", help="A folder for purchases and answers; name the same one to continue a watch."),
    ],
    interval: Annotated[
        int,
        typer.Option(
            min=1, max=86_400, metavar="SECONDS", help="Time between two readings of a sensor, that of the model."
        ),
    ],
    of_app: Annotated[str, typer.Option("--app", metavar="APP", help="Name or address of the app.")] = "ados",
    window: Annotated[
        int | None, typer.Option(min=1, max=100_000, metavar="ROWS", help="Length of a window; by default an hour.")
    ] = None,
    callback: Annotated[
        str | None,
        typer.Option(
            metavar="FEED", help="A data feed that gets a round of each station with a signature: PUBLIC for ever."
        ),
    ] = None,
    after: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=1000,
            metavar="WINDOWS",
            help="Windows to wait for after a window; by default as many as its scores need.",
        ),
    ] = None,
    grace: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Time to wait for late readings; by default one interval."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="A time in the first window; by default now.")
    ] = None,
    max_price: Annotated[
        str | None, typer.Option(metavar="PRICE", help=f"Highest price of one window. {PRICE_HELP}")
    ] = None,
    pool: Pool = None,
    most_open: Annotated[
        int,
        typer.Option(
            min=1, max=1000, metavar="WINDOWS", help="Number of windows without an answer at which reading stops."
        ),
    ] = 16,
    at_once: Annotated[
        int, typer.Option(min=1, max=100, metavar="NUMBER", help="Number of purchases at the same time.")
    ] = 2,
    keep: Annotated[
        int,
        typer.Option(min=1, metavar="WINDOWS", help="Number of ended windows that the journal keeps, the newest."),
    ] = 10_000,
    once: Annotated[
        bool, typer.Option("--once", help="Exit at the end of the file, after all windows have ended.")
    ] = False,
    broker_password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with the broker's password in its first line.")
    ] = None,
) -> None:
    """Follow readings, and buy the data quality of each window when it is due, only once even after a crash.

    Exits with 1 if a window failed or was refused since this start.
    """
    import time

    try:
        from sealgrid.ados.watch.assembly import WatchOptions
        from sealgrid.ados.watch.assembly import watch as follow
    except ImportError as error:
        from sealgrid.errors import SetupMissing

        raise SetupMissing("NumPy is not installed; install it with: pip install numpy") from error
    from sealgrid.ados.watch.buyer import PurchaseTerms
    from sealgrid.cli.private_input import read_password
    from sealgrid.sdk.amounts import amount

    if callback is not None:
        stderr.print(_PUBLIC, style="bold yellow")
    if max_price is not None:
        amount(max_price)
    rows = window or max(3600 // interval, 1)
    password = None if broker_password_file is None else read_password("the broker", broker_password_file)
    options = WatchOptions(
        source=source,
        journal=journal,
        purchase=PurchaseTerms(of_app, model, rows, callback, max_price, pool),
        interval=interval,
        after=after,
        grace=grace,
        since=None if since is None else _time(since),
        most_open=most_open,
        at_once=at_once,
        keep=keep,
        once=once,
        broker_password=password,
    )
    is_good = await follow(
        me, options, clock=time.time, report=lambda line: stderr.print(line, markup=False, highlight=False)
    )
    if not is_good:
        raise typer.Exit(1)


def _time(text: str) -> float:
    from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
    from sealgrid.shipped_apps.ados.quality.messages import read_time

    try:
        return read_time(text, "--since")
    except ReadingsRefused as refused:
        raise InputRefused(str(refused)) from refused
