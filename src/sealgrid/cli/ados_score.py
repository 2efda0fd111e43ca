"""``sealgrid ados graph | score``: score a file of readings in shards on many machines, and merge the answers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Pool
from sealgrid.cli.output import credit_note, stderr, stdout
from sealgrid.cli.session import for_account
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient


def graph(
    model: Annotated[Path, typer.Argument(metavar="FILE", help="The model.onnx that `sealgrid ados train` wrote.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The JSON file to write.")],
) -> None:
    """Write the graph of a model: sensors, interval and neighbours, no weights. Buyers need it to split readings."""
    from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
    from sealgrid.shipped_apps.ados.quality.graph import graph_of
    from sealgrid.shipped_apps.ados.quality.model_file import read_model

    try:
        found = graph_of(read_model(model.read_bytes()))
        out.write_bytes(found.content())
    except ReadingsRefused as refused:
        raise InputRefused(f"{model}: {refused}") from refused
    except OSError as error:
        raise InputRefused(f"{error.filename} cannot be read or written ({error.strerror}).") from error
    stdout.print(f"wrote {out}", markup=False)


@for_account("requester")
async def score(
    me: "AsyncClient",
    readings: Annotated[Path, typer.Argument(metavar="FILE", help="Readings: CSV of any size, SenML or JSON.")],
    *,
    model: Annotated[str, typer.Option(metavar="MODEL", help="Name or address of the model.")],
    graph_path: Annotated[
        Path, typer.Option("--graph", metavar="FILE", help="The graph of the model, from its owner.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A folder for result.json, dqf.csv and reasons.csv.")],
    shards: Annotated[int, typer.Option(min=1, max=10_000, metavar="NUMBER", help="Smallest number of shards.")] = 2,
    window: Annotated[
        int | None, typer.Option(min=1, max=100_000, metavar="ROWS", help="Length of a window; by default an hour.")
    ] = None,
    of_app: Annotated[str, typer.Option("--app", metavar="APP", help="Name or address of the app.")] = "ados",
    key: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="A name for this purchase; the same command with the same name buys nothing twice."
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="With --key: buy the failed shards again, and only these.")
    ] = False,
    max_price: Annotated[
        str | None,
        typer.Option(
            metavar="PRICE", help=f"Highest total price, earlier purchases with this --key included. {PRICE_HELP}"
        ),
    ] = None,
    pool: Pool = None,
) -> None:
    """Score readings in shards, each sealed for a task of its own, and merge the answers into one result."""
    from sealgrid.ados.sharded_scores import ShardedJob, ShardedPurchase, graph_file, score_in_shards, write_scores
    from sealgrid.cli.bag import bag_bar
    from sealgrid.cli.progress import show_progress

    job = ShardedJob(readings, graph_file(graph_path), shards)
    purchase = ShardedPurchase(of_app, model, max_price=max_price, pool=pool, key=key, retry=retry)
    with show_progress() as on_progress, bag_bar() as on_bag:
        found = await score_in_shards(me, job, purchase, on_progress=on_progress, on_bag=on_bag)
    try:
        write_scores(found, out, window)
    except OSError as error:
        raise InputRefused(f"{error.filename} cannot be written ({error.strerror}).", money="") from error
    cost = f"{found.price}{credit_note(me.network)}"
    stderr.print(f"{len(found.tasks)} shards for {cost}; bags: {' '.join(found.bags)}", markup=False)
    stdout.print(f"wrote result.json, dqf.csv and reasons.csv to {out}", markup=False)
