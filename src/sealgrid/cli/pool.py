"""``sealgrid pool …``: the pool of a local network."""

from pathlib import Path
from typing import Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Data
from sealgrid.cli.output import stdout

app = typer.Typer(help="The pool of a local network.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The pool of a local network."""


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
