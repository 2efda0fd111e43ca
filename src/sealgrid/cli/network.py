"""``sealgrid up | down | status``: a whole network on this machine."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sealgrid.cli.options import Data, Json
from sealgrid.cli.output import print_result

if TYPE_CHECKING:
    from sealgrid.localnet.layout import Layout
    from sealgrid.sdk.network import Network

DEFAULT_PORT = 8545

console = Console(stderr=True, highlight=False)


def layout_of(folder: Path | None) -> "Layout":
    """Return the layout of a chosen or the default data folder."""
    from sealgrid.localnet.layout import Layout, default_folder

    return Layout((folder or default_folder()).resolve())


def up(
    data: Data = None,
    port: Annotated[
        int,
        typer.Option(metavar="NUMBER", help="The chain's port; the other services take the next ones. 0: free ports."),
    ] = DEFAULT_PORT,
    bare: Annotated[bool, typer.Option("--bare", help="Offer nothing: no shipped apps, no model, no table.")] = False,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Let a PoolGate own the pool, as on hubs that call no broker. New networks only."),
    ] = False,
    detach: Annotated[
        bool,
        typer.Option(
            "--detach", help="Return when the network is ready and its shop filled; stop it with `sealgrid down`."
        ),
    ] = False,
    *,
    storages: Annotated[
        int,
        typer.Option(
            "--storages",
            min=1,
            max=2,
            metavar="NUMBER",
            help="Number of storage nodes; with 2, each stores every file.",
        ),
    ] = 1,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Share it: the address or name by which other machines reach this one; 127.0.0.1 behind a proxy. "
            "New networks only.",
        ),
    ] = "",
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="FILE", help="PEM file with the certificate chain of --host, for TLS."),
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option("--certificate-key", metavar="FILE", help="PEM file with the certificate's key.")
    ] = None,
    chain_id: Annotated[
        int | None,
        typer.Option(
            "--chain-id",
            metavar="NUMBER",
            help="The chain's id: 31337, or 421614 as Arbitrum Sepolia for libraries that know only iExec's chains. "
            "What an account signs there is valid on Arbitrum Sepolia, too. New networks only.",
        ),
    ] = None,
    postgres: Annotated[
        str,
        typer.Option(
            "--postgres",
            metavar="URL",
            help="Store orders and tasks in this PostgreSQL instead of files; `embedded` starts one in the data "
            "folder.",
        ),
    ] = "",
) -> None:
    """Start a local network and keep it running until Ctrl-C or `sealgrid down`."""
    from sealgrid.localnet.layout import NetworkOptions
    from sealgrid.localnet.network_context import start_in_background
    from sealgrid.localnet.supervisor import supervise
    from sealgrid.sdk.network import load_network

    layout = layout_of(data)
    options = NetworkOptions(
        port=port,
        stocked=not bare,
        gate=gate,
        storages=storages,
        host=host,
        certificate=certificate and certificate.resolve(),
        certificate_key=certificate_key and certificate_key.resolve(),
        chain=chain_id,
        postgres=postgres,
    )
    begun = time.monotonic()

    def on_ready() -> None:
        console.print(f"ready in {time.monotonic() - begun:.1f} s; data in {layout.root}")
        for line in _ready_lines(load_network(layout.network)):
            console.print(line, markup=False)
        console.print("stop it with Ctrl-C" if not detach else f"stop it with: {_down_command(data)}", markup=False)

    if detach:
        empty = start_in_background(layout, options, _print_part)
        on_ready()
        if empty:
            _print_shop(empty)
            raise typer.Exit(1)
    else:
        supervise(layout, options, on_ready=on_ready, on_progress=_print_part, on_shop=_print_shop)
        console.print(f"stopped; the data stays in {layout.root} (remove it with: {_wipe_command(data)})", markup=False)


def down(
    data: Data = None,
    wipe: Annotated[bool, typer.Option("--wipe", help="Also delete the network's data; your own keys stay.")] = False,
) -> None:
    """Stop the local network. Its data stays, except with --wipe."""
    from sealgrid.localnet.supervisor import end

    layout = layout_of(data)
    ended = end(layout)
    console.print("stopped" if ended else "no local network was running")
    if wipe and layout.root.exists():
        private = _wipe(layout.root)
        console.print(f"removed the network in {layout.root}: chain, files and vaults")
        for folder in private:
            console.print(f"kept {folder}: no other copy of these keys exists")
    elif layout.root.exists():
        console.print(f"the data stays in {layout.root} (remove it with: {_wipe_command(data)})", markup=False)


def status(as_json: Json = False, data: Data = None) -> None:
    """Show whether the local network runs, and its URLs. Exits with 1 if it does not run."""
    from sealgrid.localnet.supervisor import running
    from sealgrid.sdk.network import load_network

    layout = layout_of(data)
    pid = running(layout)
    network = load_network(layout.network) if pid and layout.network.exists() else None
    start_error, shop_error = (_reason(path) for path in (layout.start_error, layout.shop_error))
    document = {
        "running": pid is not None,
        "process": pid,
        "data": layout.root,
        "chain": network and network.chain,
        "rpc_url": network and network.rpc_url,
        "market_url": network and network.market_url,
        "web_url": network and network.web_url,
        "storage_urls": network and network.storage_nodes,
        "pool_url": network and network.pool_url,
        "workerpool": network and network.workerpool,
        "vaults": network and network.vaults,
        "sms_url": network and network.sms_url,
        "platform_url": network and network.platform_url,
        "python": network and network.python,
        "start_error": start_error,
        "shop_error": shop_error,
    }
    if pid is None:
        lines = [f"no network is running in {layout.root}; start one (sealgrid up{f' --home {data}' if data else ''})"]
        if start_error:
            lines.append(f"the last one ended with an error: {start_error}")
    else:
        lines = [f"running (process {pid}), data in {layout.root}"]
        if network is None:
            lines.append("it is starting or stopping")
        else:
            lines += _address_lines(network)
            lines.append(f"apps run on Python {network.python}")
            if shop_error:
                lines.append(f"the shop is empty: {shop_error}")
    print_result(document, lines, as_json=as_json)
    if not pid:
        raise typer.Exit(1)


def _down_command(data: Path | None) -> str:
    return f"sealgrid down{f' --home {data}' if data else ''}"


def _wipe_command(data: Path | None) -> str:
    return f"{_down_command(data)} --wipe"


def _reason(path: Path) -> str | None:
    return path.read_text(errors="replace") if path.exists() else None


def _address_lines(network: "Network") -> Iterator[str]:
    for part, url in (
        ("web pages", network.web_url),
        (f"chain {network.chain}", network.rpc_url),
        ("market", network.market_url),
        *(("storage", url) for url in network.storage_nodes),
        ("pool", f"{network.pool_url}  {network.workerpool}"),
        *(("vault", f"{vault.url}  {vault.address}") for vault in network.vaults),
        ("iExec's SMS", network.sms_url),
        ("platform", network.platform_url),
    ):
        if url:
            yield f"{part:<12} {url}"


def _wipe(root: Path) -> list[Path]:
    """Delete a network's data; return the folders that stay because there is no other copy of their keys."""
    from sealgrid.sdk.stores.home import home

    private = [folder for folder in home(root).precious if folder.is_dir() and any(folder.iterdir())]
    for path in root.iterdir():
        if path.is_dir() and path not in private:
            shutil.rmtree(path)
        elif path not in private:
            path.unlink()
    if not private:
        root.rmdir()
    return private


def _ready_lines(network: "Network") -> Iterator[str]:
    from sealgrid.sdk.network import fingerprint

    if network.has_development_accounts:
        yield "accounts: owner, developer, requester … (--as NAME), with test credits"
        yield "next: sealgrid model publish FILE --price 3"
    else:
        yield f"others join it with: sealgrid network join {network.web_url}"
        yield f"tell them its fingerprint: {fingerprint(network)}"
        yield "create an account of your own: sealgrid account new NAME, then sealgrid account fund --as NAME"
    yield f"open {network.web_url} in a browser"


def _print_shop(error: str) -> None:
    if error:
        console.print(f"the shop is empty: {error}", style="bold yellow", markup=False)
    else:
        console.print("the shop is filled: apps, a model and a table are on offer")


def _print_part(part: str) -> None:
    console.print(f"starting {part} …", style="dim")
