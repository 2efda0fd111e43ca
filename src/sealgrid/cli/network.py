"""``sealgrid up | down | status``: a whole network on this machine."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sealgrid.cli.account_session import answer
from sealgrid.cli.options import Json
from sealgrid.localnet.layout import Layout, default_folder
from sealgrid.localnet.network_context import started
from sealgrid.localnet.supervisor import end, running, supervise
from sealgrid.sdk.network import Network, load_network
from sealgrid.sdk.stores.home import home

Folder = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Data folder; SEALGRID_HOME or the user's by default.")
]
DEFAULT_PORT = 8545

console = Console(stderr=True, highlight=False)


def layout_of(folder: Path | None) -> Layout:
    """Return the layout of a chosen or the default data folder."""
    return Layout((folder or default_folder()).resolve())


def up(
    data: Folder = None,
    port: Annotated[
        int, typer.Option(metavar="NUMBER", help="The chain's port; the others follow. 0 takes free ones.")
    ] = DEFAULT_PORT,
    bare: Annotated[bool, typer.Option("--bare", help="Put nothing up for sale: no shipped apps, no model.")] = False,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="A PoolGate owns the pool, as on hubs that ask no broker. New networks only."),
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it is ready; end it with: down.")] = False,
    *,
    storages: Annotated[
        int, typer.Option("--storages", min=1, max=2, help="Storage nodes; with 2 every file is kept at both.")
    ] = 1,
) -> None:
    """Start a local network and keep it running until Ctrl-C or `sealgrid down`."""
    layout = layout_of(data)
    begun = time.monotonic()

    def ready() -> None:
        console.print(f"ready in {time.monotonic() - begun:.1f} s; data in {layout.root}")
        console.print("whom you can be: owner, developer, requester … (--as NAME); all credits are test credits")
        console.print("next: sealgrid model publish FILE --price 3")
        console.print(f"open {load_network(layout.network).web_url} in a browser")
        where = f" --data {data}" if data else ""
        console.print("end it with Ctrl-C" if not detach else f"end it with: sealgrid down{where}", markup=False)

    if detach:
        started(layout, port=port, told=_tell, stocked=not bare, gate=gate, storages=storages)
        ready()
    else:
        supervise(layout, port=port, ready=ready, told=_tell, stocked=not bare, gate=gate, storages=storages)
        console.print(f"stopped; the data stays in {layout.root} (remove it with: sealgrid down --wipe)")


def down(
    data: Folder = None,
    wipe: Annotated[bool, typer.Option("--wipe", help="Also remove its data; your own keys stay.")] = False,
) -> None:
    """Stop the local network; its data stays unless --wipe is given."""
    layout = layout_of(data)
    ended = end(layout)
    console.print("stopped" if ended else "no local network was running")
    if wipe and layout.root.exists():
        kept = _wipe(layout.root)
        console.print(f"removed the network in {layout.root}: chain, files and vaults")
        for folder in kept:
            console.print(f"kept {folder}: keys that only you have")
    elif layout.root.exists():
        console.print(f"the data stays in {layout.root} (remove it with: sealgrid down --wipe)")


def status(as_json: Json = False, data: Folder = None) -> None:
    """Say whether the local network runs, and where; exit with 1 when it does not."""
    layout = layout_of(data)
    pid = running(layout)
    network = load_network(layout.network) if pid and layout.network.exists() else None
    document = {
        "running": pid is not None,
        "process": pid,
        "data": layout.root,
        "chain": network and network.chain,
        "rpc_url": network and network.rpc_url,
        "market_url": network and network.market_url,
        "python": network and network.python,
    }
    answer(document, _status_lines(pid, layout, network), as_json=as_json)
    if not pid:
        raise typer.Exit(1)


def _status_lines(pid: int | None, layout: Layout, network: Network | None) -> Iterator[str]:
    if pid is None:
        yield f"no network is running in {layout.root}; start one with: sealgrid up"
        return
    yield f"running (process {pid}), data in {layout.root}"
    if network is None:
        yield "it is still starting, or ending"
    else:
        yield f"chain {network.chain} at {network.rpc_url}, market at {network.market_url}"
        yield f"apps run on Python {network.python}"


def _wipe(root: Path) -> list[Path]:
    """Remove a network's data; return the folders that stay: what a person alone has is not the network's."""
    kept = [folder for folder in home(root).precious if folder.is_dir() and any(folder.iterdir())]
    for path in root.iterdir():
        if path.is_dir() and path not in kept:
            shutil.rmtree(path)
        elif path not in kept:
            path.unlink()
    if not kept:
        root.rmdir()
    return kept


def _tell(part: str) -> None:
    console.print(f"starting {part} …", style="dim")
