"""``sealgrid ados feed``: contracts that publish the data quality of stations."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import Json
from sealgrid.cli.output import print_result, stderr, stdout
from sealgrid.cli.session import for_account
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.resources.feeds import FeedStation

app = typer.Typer(help="Data feeds: contracts that publish the data quality of stations.", no_args_is_help=True)
Feed = Annotated[str, typer.Argument(metavar="FEED", help="Address of a DataFeed contract.")]


@app.command()
@for_account("owner")
async def deploy(
    me: "AsyncClient",
    *,
    model: Annotated[str, typer.Option(metavar="MODEL", help="The model whose answers count; name or address.")],
    of_app: Annotated[
        str, typer.Option("--app", metavar="APP", help="The app whose answers count; name or address.")
    ] = "ados",
    window: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="Length of a window.")] = 3600,
    stale_after: Annotated[
        int, typer.Option(min=0, metavar="SECONDS", help="Time from the end of a window until its round is stale.")
    ] = 86_400,
    requester: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The only account whose runs count; by default any.")
    ] = None,
) -> None:
    """Deploy a data feed of one app and model. You own it, and register its stations."""
    feed = await me.feeds.deploy(of_app, model, window=window, stale_after=stale_after, requester=requester)
    stdout.print(feed, markup=False)
    stderr.print(f"register its stations with: sealgrid ados feed register {feed} ADDRESS SENSOR", markup=False)


@app.command()
@for_account("owner")
async def register(
    me: "AsyncClient",
    feed: Feed,
    station: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="The address of the key that signs the sensor's readings.")
    ],
    sensor: Annotated[str, typer.Argument(metavar="SENSOR", help="The sensor's name in the model.")],
) -> None:
    """Register a station's key for a sensor; it replaces the sensor's earlier key. Only the feed's owner may do it."""
    await me.feeds.register(feed, station, sensor)
    stderr.print(f"{station} signs for {sensor}", markup=False)


@app.command()
@for_account("requester")
async def pull(
    me: "AsyncClient", feed: Feed, task: Annotated[str, typer.Argument(metavar="TASK", help="A completed task.")]
) -> None:
    """Repeat the callback of a completed task whose callback ran out of gas."""
    await me.feeds.pull(feed, task)
    stderr.print(f"{feed} accepted the round of task {task}", markup=False)


@app.command()
@for_account("requester", reads=True, optional=True)
async def show(
    me: "AsyncClient",
    feed: Feed,
    roster: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the roster, for `sealgrid ados join`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the stations of a feed, each with its newest round."""
    import msgspec

    state = await me.feeds.show(feed)
    if roster is not None:
        try:
            roster.write_bytes(msgspec.json.encode(state.roster))
        except OSError as error:
            raise InputRefused(f"{roster} cannot be written ({error.strerror}).") from error
    print_result(msgspec.to_builtins(state), map(_line, state.stations), as_json=as_json)


def _line(each: "FeedStation") -> str:
    from datetime import UTC, datetime

    if each.latest is None:
        return f"{each.station}  {each.sensor}  no round yet"
    start = datetime.fromtimestamp(each.latest.start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    stale = "  STALE" if each.latest.stale else ""
    return f"{each.station}  {each.sensor}  {start}  DQF {each.latest.dqf}  {each.latest.reason}{stale}"
