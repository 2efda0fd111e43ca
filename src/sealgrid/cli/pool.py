"""``sealgrid pool …``: computing of a local network's pool, and how the tasks of any pool ended."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Data, Json
from sealgrid.cli.output import print_result, stderr, stdout
from sealgrid.cli.run_tables import Tasks, latest_run_lines
from sealgrid.cli.session import for_account

if TYPE_CHECKING:
    from sealgrid.sdk.client import AsyncClient

app = typer.Typer(help="Pools: offer computing of a local one, see how tasks ended.", no_args_is_help=True)


@app.command()
@for_account("pool", reads=True, optional=True)
async def runs(
    me: "AsyncClient",
    pool: Annotated[
        str | None, typer.Argument(metavar="POOL", help="Name of a pool in the network file, or an address.")
    ] = None,
    *,
    tasks: Tasks = 100,
    as_json: Json = False,
) -> None:
    """Show how the latest tasks of a pool ended, and how long answers took, by their verified receipts."""
    with stderr.status("reading the deals and receipts …"):
        found = await me.pool_runs(pool, tasks)
    print_result(found, latest_run_lines(found), as_json=as_json)


@app.command()
def offer(
    price: Annotated[str, typer.Option(help=PRICE_HELP)],
    tasks: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Number of tasks for sale at this price.")],
    category: Annotated[
        int | None, typer.Option(min=0, metavar="NUMBER", help="Category of the tasks; the shortest one by default.")
    ] = None,
    data: Data = None,
) -> None:
    """Offer computing: sign an order of the local pool, and publish it."""
    import asyncio

    from sealgrid.localnet.layout import Layout
    from sealgrid.localnet.network_accounts import account_keys
    from sealgrid.localnet.prepare import offer_computing
    from sealgrid.sdk.amounts import amount
    from sealgrid.sdk.network import load_network
    from sealgrid.sdk.stores.home import home

    network, each = load_network(home(data).network), amount(price)
    key = account_keys(Layout(Path(network.folder)))("pool")
    asyncio.run(offer_computing(network, price=int(each), volume=tasks, category=category, key=key))
    stdout.print(f"{network.workerpool}  {each} for each of {tasks} tasks", markup=False)
