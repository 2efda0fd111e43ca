"""``sealgrid top``: a pool's queue and workers, live."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sealgrid.cli.options import Data, Json, NetworkName
from sealgrid.cli.output import print_result, stdout

if TYPE_CHECKING:
    from sealgrid.wire.pool import PoolView

HISTORY: Final = 60  #: readings in the chart
BARS: Final = "▁▂▃▄▅▆▇█"


def top(
    *,
    every: Annotated[
        float, typer.Option(min=1.0, metavar="SECONDS", help="Time between two requests to the pool.")
    ] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Print the current numbers once, and end.")] = False,
    as_json: Json = False,
    network: NetworkName = None,
    data: Data = None,
) -> None:
    """Show the pool's queue live until Ctrl-C: tasks that wait, run and ended, and its workers."""
    import asyncio

    asyncio.run(_top(every, network, data, once=once or as_json or not stdout.is_terminal, as_json=as_json))


async def _top(every: float, name: str | None, data: Data, *, once: bool, as_json: bool) -> None:
    import asyncio

    from rich.live import Live
    from rich.text import Text

    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.network_store import choose_network
    from sealgrid.wire.http_transport import HttpTransport
    from sealgrid.wire.pool import PoolClient

    network = choose_network(home(data), name)
    readings: deque[PoolView] = deque(maxlen=HISTORY)
    async with HttpTransport(network.pool_url, name="the pool") as transport:
        pool = PoolClient(transport)
        readings.append(await pool.view())
        if once:
            print_result(readings[-1], top_lines(readings, network.name), as_json=as_json)
            return
        with Live(console=stdout, auto_refresh=False) as live:
            while True:
                live.update(Text("\n".join(top_lines(readings, network.name))), refresh=True)
                await asyncio.sleep(every)
                readings.append(await pool.view())


def top_lines(readings: "Sequence[PoolView]", network: str) -> Iterator[str]:
    """Yield the newest reading as text, with charts of the earlier ones."""
    import time

    view = readings[-1]
    clock = time.strftime("%H:%M:%S", time.localtime(view.seconds))
    yield f"pool {view.workerpool} of {network} at {clock}"
    yield f"{'workers':<10} {view.workers:>7}  with a call in the last minute"
    for name, what in (
        ("waiting", "for a worker"),
        ("working", "with a worker"),
        ("completed", "in the last minute"),
        ("refunded", "in the last minute"),
    ):
        counts = [getattr(each.queue, name) for each in readings if each.queue is not None]
        if counts:
            yield f"{name:<10} {counts[-1]:>7}  {what:<18}  {chart(counts)}".rstrip()


def chart(counts: Sequence[int]) -> str:
    """Return one bar for each count, as high as its share of the largest; empty for one count or only zeros."""
    largest = max(counts)
    if len(counts) < 2 or not largest:
        return ""
    return "".join(BARS[(len(BARS) - 1) * count // largest] for count in counts)
