"""``sealgrid pool …``: computing of a local network's pool, and how the tasks of any pool ended."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Data, Json
from sealgrid.cli.output import print_result, stderr, stdout
from sealgrid.cli.run_tables import Tasks, latest_run_lines
from sealgrid.cli.session import for_account

if TYPE_CHECKING:
    from sealgrid.crypto.signing import SigningKey
    from sealgrid.pool.admission import AdmittedWorkers
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.network import Network

app = typer.Typer(
    help="Pools: offer computing of a local one, invite workers, see how tasks ended.", no_args_is_help=True
)


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

    from sealgrid.localnet.prepare import offer_computing
    from sealgrid.sdk.amounts import amount

    (network, key), each = _local_pool(data), amount(price)
    asyncio.run(offer_computing(network, price=int(each), volume=tasks, category=category, key=key))
    stdout.print(f"{network.workerpool}  {each} for each of {tasks} tasks", markup=False)


@app.command()
def invite(
    days: Annotated[int, typer.Option(min=1, max=365, metavar="NUMBER", help="Until the invitation expires.")] = 7,
    data: Data = None,
) -> None:
    """Print an invitation for one worker, to use with `sealgrid worker start --invitation FILE`."""
    import os
    import time

    from sealgrid.attestation.statements import WorkerInvitation
    from sealgrid.units import to_digest
    from sealgrid.wire.admission import SignedInvitation

    network, key = _local_pool(data)
    expiry = int(time.time()) + days * 86_400
    invitation = WorkerInvitation(pool=network.workerpool, nonce=to_digest(os.urandom(32)), expiry=expiry)
    signature = invitation.sign(network.identity.domain, key)
    print(SignedInvitation(invitation=invitation, signature=signature).text())
    stderr.print(
        "This network simulates its enclaves: the worker that uses this invitation can read all that it runs. "
        "Hand it over in private; one worker can use it.",
        style="yellow",
    )


@app.command()
def workers(data: Data = None) -> None:
    """List the workers that joined the local pool by an invitation, and those that were removed."""
    from sealgrid.sdk.money import format_time

    for worker, *times in _admitted(data).all():
        words = (f"{word} {format_time(int(at))}" for word, at in zip(("joined", "removed"), times, strict=True) if at)
        stdout.print(f"{worker}  {', '.join(words)}", markup=False)


@app.command()
def remove(
    worker: Annotated[str, typer.Argument(metavar="WORKER", help="A worker's address.")], data: Data = None
) -> None:
    """Remove a worker from the local pool for good, and revoke its machine's certificate."""
    import time

    from sealgrid.errors import InputRefused
    from sealgrid.localnet.layout import AUTHORITY, Layout
    from sealgrid.platform.authority import MachineRegistry
    from sealgrid.platform.authority_service import registry_file
    from sealgrid.sdk.addresses import parse_address

    try:
        address = parse_address(worker)
    except ValueError as error:
        raise InputRefused(f"{worker[:80]!r} is not a worker's address.", money="") from error
    network, _ = _local_pool(data)
    registry = MachineRegistry(registry_file(Layout(Path(network.folder)).part(AUTHORITY)))
    revoked = registry.revoke(address, time.time())
    registry.close()
    _admitted(data).remove(address, time.time())
    certificate = "; its certificate is revoked within a day" if revoked else ""
    stdout.print(f"{address}  removed{certificate}", markup=False)


def _local_pool(data: Path | None) -> "tuple[Network, SigningKey]":
    from sealgrid.localnet.layout import POOL, Layout
    from sealgrid.localnet.network_accounts import account_keys
    from sealgrid.sdk.network import load_network
    from sealgrid.sdk.stores.home import home

    network = load_network(home(data).network)
    return network, account_keys(Layout(Path(network.folder)))(POOL)


def _admitted(data: Path | None) -> "AdmittedWorkers":
    from sealgrid.localnet.layout import Layout
    from sealgrid.pool.admission import AdmittedWorkers

    network, _ = _local_pool(data)
    return AdmittedWorkers(Layout(Path(network.folder)).pool_store.read_text())
