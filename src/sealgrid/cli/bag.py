"""``sealgrid run --map`` and ``sealgrid bag …``: a task for each of many inputs, and their results."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealgrid.cli.options import Account, Data, Json, NetworkName, PasswordFile
from sealgrid.cli.output import credit_note, print_result, stderr, stdout
from sealgrid.cli.progress import show_progress
from sealgrid.cli.results import RECEIPT, RESULT, print_files, write_files
from sealgrid.cli.session import AccountChoice, run_as
from sealgrid.errors import InputRefused, SealgridError

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.operations.bag_progress import BagProgress
    from sealgrid.sdk.resources.bags import AsyncBag, ShardOutcome

app = typer.Typer(help="Bags: many inputs of one app, bought with `sealgrid run --map`.", no_args_is_help=True)
Bag = Annotated[str, typer.Argument(metavar="BAG", help="A bag's id, as `sealgrid run --map` prints it.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="A folder for the results, with a folder for each shard; complete ones are not written again.",
    ),
]


@dataclass(frozen=True, slots=True)
class MapOptions:
    """What ``run --map`` buys, and what happens with the results."""

    app: str
    model: str | None
    path: Path | None  #: None without --map
    rows: int | None
    key: str | None
    retry: bool
    quote: bool
    as_json: bool
    out: Path | None
    timeout: float | None
    options: dict[str, Any] = field(repr=False)  #: of a run; those that a bag has, too, apply

    def terms(self, *names: str) -> dict[str, Any]:
        """Return these options of a run."""
        return {name: self.options[name] for name in names}


def check_map_options(map_: Path | None, rows: int | None, key: str | None, *, retry: bool, others: bool) -> None:
    """Raise InputRefused for options that do not go together; ``others`` says whether any is given that no bag has."""
    if map_ is not None and others:
        raise InputRefused(
            "--map cannot be combined with --file, --callback, --deferred-callback, --sponsor or --tasks; leave "
            "them out."
        )
    if map_ is None and (rows or key or retry):
        raise InputRefused("--rows, --key and --retry are for --map; add --map, or leave them out.")
    if retry and key is None:
        raise InputRefused(
            "--retry buys the failed shards of an earlier purchase again; name that purchase with --key."
        )


async def run_map(me: "AsyncClient", options: MapOptions, bought: list[object]) -> None:
    """Buy a task for each file of a folder, or for each batch of a table's rows; follow them and write their results.

    ``bought`` is not empty from the moment when money may have moved.
    Raises the error of the first shard that failed, after all shards ended.
    """
    from sealgrid.cli.quote_lines import quote_lines

    inputs = await _inputs(me, options)
    if options.quote:
        named = options.terms("public_args", "max_price", "pool", "tee", "trust", "max_time")
        quoted = await me.quote(options.app, options.model, tasks=len(inputs), check_inputs=False, **named)
        print_result(quoted, quote_lines(quoted, me.network), as_json=options.as_json)
        return
    named = options.terms("args", "secrets", "public_args", "max_price", "pool", "tee", "trust", "max_time")
    with show_progress() as on_progress:
        bag = await me.map(options.app, inputs, options.model, key=options.key, on_progress=on_progress, **named)
        bought.append(bag)
        if options.retry:
            count = await bag.retry(max_price=named["max_price"], on_progress=on_progress)
            stderr.print(f"bought {count} failed shards again" if count else "no shard failed; nothing was bought")
    stderr.print(f"{len(bag.names)} tasks for {bag.price}{credit_note(me.network)}; open them at any later time with:")
    stderr.print(f"  sealgrid bag results {bag.id} --out DIR")
    await follow_bag(me, bag, options.out, options.timeout)


@app.command("list")
def list_(*, as_json: Json = False, data: Data = None) -> None:
    """List the bags in the data folder, newest first: id, date, number of shards. It needs no network."""
    from datetime import UTC, datetime

    from sealgrid.sdk.stores.bag_store import BagStore
    from sealgrid.sdk.stores.home import home

    stored = BagStore(home(data).bags).all()
    bags = [
        {"bag": each.id, "created": each.created, "shards": len(each.names), "purchases": len(each.purchases)}
        for each in stored
    ]
    lines = (
        f"{each.id}  {datetime.fromtimestamp(each.created, UTC):%Y-%m-%d %H:%M} UTC  {len(each.names)} shards"
        for each in stored
    )
    print_result(bags, lines, as_json=as_json)


@app.command()
def results(
    bag: Bag,
    *,
    out: Out = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Stop waiting for results after this time; the tasks continue."),
    ] = None,
    account: Account = None,
    password_file: PasswordFile = None,
    network: NetworkName = None,
    data: Data = None,
) -> None:
    """Wait for the shards of a bag and open their results."""

    async def work(me: "AsyncClient") -> None:
        await follow_bag(me, await me.bag(bag), out, timeout)

    run_as(AccountChoice(account, "requester", password_file, network), data, work)


async def follow_bag(
    me: "AsyncClient",
    bag: "AsyncBag",
    out: Path | None,
    timeout: float | None,  # noqa: ASYNC109  passed on
) -> None:
    """Print each shard as it ends, and write its result to a folder of its own or print it in the inputs' order.

    Raises the error of the first shard that failed, after all shards ended.
    """
    failed: dict[int, SealgridError] = {}
    with bag_bar() as on_progress:
        shards = bag.as_completed(timeout=timeout, on_progress=on_progress)
        async for outcome in shards if out is not None else _in_order(shards):
            if outcome.error is not None:
                failed[outcome.index] = outcome.error
                stderr.print(f"{outcome.name}: {outcome.error}", style="red", markup=False)
            elif outcome.result is not None and out is None:
                stdout.print(f"{outcome.name}:", markup=False)
                print_files(outcome.result.files)
            elif out is not None:
                await _write(me, outcome, out / f"shard-{outcome.index:05}")
    if out is not None:
        stdout.print(f"{len(bag.names) - len(failed)} of {len(bag.names)} results are in {out}", markup=False)
    if failed:
        stderr.print(
            "if the bag was bought with --key, the same command with --retry buys only its failed shards again"
        )
        raise failed[min(failed)]


async def _inputs(me: "AsyncClient", options: MapOptions) -> list[Any]:
    path = options.path
    assert path is not None
    if not path.is_dir():
        return list(await me.batches(options.app, path, options.model, rows=options.rows))
    if options.rows is not None:
        raise InputRefused(f"--rows is for tables; each file of the folder {path} is one task.")
    files = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
    if not files:
        raise InputRefused(f"the folder {path} has no files.")
    return files


async def _in_order(shards: "AsyncIterator[ShardOutcome]") -> "AsyncIterator[ShardOutcome]":
    waiting: dict[int, ShardOutcome] = {}
    place = 0
    async for outcome in shards:
        waiting[outcome.index] = outcome
        while place in waiting:
            yield waiting.pop(place)
            place += 1


async def _write(me: "AsyncClient", outcome: "ShardOutcome", folder: Path) -> None:
    """Write the result of a shard, and its receipt if it has one; a folder with a receipt is complete and stays."""
    if outcome.task is None or outcome.result is None or (folder / RECEIPT).exists():
        return
    if not (folder / RESULT).exists():
        write_files(outcome.result.files, folder / RESULT)
    run = me.reopen(outcome.task)
    if run.tee:
        await run.receipt.save(folder / RECEIPT)


@contextlib.contextmanager
def bag_bar() -> "Iterator[Callable[[BagProgress], None]]":
    """Yield a callback that shows how far a bag is: a bar on a terminal, else a line for each tenth."""
    begun = time.monotonic()
    if not stderr.is_terminal:
        printed: set[int] = set()

        def print_line(progress: "BagProgress") -> None:
            tenth = 10 * progress.ended // progress.total
            if tenth not in printed:
                printed.add(tenth)
                stderr.print(f"  {time.monotonic() - begun:6.1f} s  {_text(progress)}", style="dim", markup=False)

        yield print_line
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    with Progress(
        SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), console=stderr, transient=True
    ) as bars:
        bar = bars.add_task("waiting …", total=None)

        def update(progress: "BagProgress") -> None:
            bars.update(bar, completed=progress.ended, total=progress.total, description=_text(progress))

        yield update


def _text(progress: "BagProgress") -> str:
    failed = f", {progress.failed} failed" if progress.failed else ""
    left = progress.seconds_left
    eta = "" if left is None or progress.ended == progress.total else f", about {_duration(left)} left"
    return f"{progress.ended} of {progress.total} shards{failed}{eta}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
