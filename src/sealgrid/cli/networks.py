"""``sealgrid network …``: join networks of others, list them, show their pins, leave them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from sealgrid.cli.confirmation import confirm
from sealgrid.cli.options import Data, Json
from sealgrid.cli.output import print_result, stderr, stdout

if TYPE_CHECKING:
    from sealgrid.sdk.network import Network
    from sealgrid.sdk.stores.network_store import NetworkStore

app = typer.Typer(help="Networks that other people operate: join, list, show, leave.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name under which you joined it.")]


@app.command()
def join(
    source: Annotated[
        str, typer.Argument(metavar="URL|FILE", help="The URL that `sealgrid up --host` prints, or a network file.")
    ],
    *,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Your name for it; by default the name in the network file.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept the pins without a question.")] = False,
    data: Data = None,
) -> None:
    """Join a network: show the pins that your runs will rely on, and store them after you confirm them."""
    import asyncio

    from sealgrid.sdk.operations.join_network import fetch_network

    store = _store(data)
    if name is not None:
        store.path(name)
    with stderr.status("reading the network file, asking its chain …"):
        network = asyncio.run(fetch_network(source))
    chosen = name or network.name
    store.check_free(chosen, network)
    for line in _pin_lines(network):
        stdout.print(line, markup=False)
    if urlsplit(source).scheme == "http":
        stderr.print("This file came without TLS: compare the fingerprint with that of its operator.", style="yellow")
    if not yes:
        confirm(
            "Join this network?",
            elsewhere="there is no terminal to confirm the pins; compare them, then add --yes. Nothing was stored.",
        )
    store.store(chosen, network)
    stdout.print(f"joined {chosen}; use it with: sealgrid --network {chosen} app list", markup=False)
    if network.faucet_url:
        stdout.print(f"test money: sealgrid --network {chosen} account fund --as NAME", markup=False)


@app.command("list")
def list_(as_json: Json = False, data: Data = None) -> None:
    """List the networks that you joined."""
    from sealgrid.sdk.network import fingerprint

    store = _store(data)
    joined = {name: store.read(name) for name in store.names()}
    documents = [
        {"name": name, "chain": each.chain, "web_url": each.web_url, "fingerprint": fingerprint(each)}
        for name, each in joined.items()
    ]
    print_result(
        documents, (f"{each['name']}  {each['web_url']}  {each['fingerprint']}" for each in documents), as_json=as_json
    )
    if not joined and not as_json:
        stderr.print("no network was joined; join one with: sealgrid network join URL")


@app.command()
def show(name: Name, as_json: Json = False, data: Data = None) -> None:
    """Show the pins and the URLs of a joined network."""
    network = _store(data).read(name)
    print_result(network, (*_pin_lines(network), *_url_lines(network)), as_json=as_json)


@app.command()
def leave(name: Name, data: Data = None) -> None:
    """Remove a joined network. Your accounts and the keys of your results stay."""
    _store(data).remove(name)
    stdout.print(f"left {name}", markup=False)


def _pin_lines(network: "Network") -> Iterator[str]:
    from sealgrid.attestation.policy import Platform
    from sealgrid.crypto.digests import sha256
    from sealgrid.sdk.network import fingerprint

    yield f"network      {network.name}"
    yield f"chain        {network.chain}, genesis {network.genesis}"
    for what, address in (("hub", network.hub), ("broker", network.broker), ("token", network.token)):
        yield f"{what:<12} {address}"
    yield f"vaults       {network.threshold} of {len(network.vaults)} must agree"
    for vault in network.vaults:
        yield f"             {vault.address}"
    for root in network.roots:
        yield f"root         {Platform(root.platform).name.lower()}, sha256 {sha256(root.root_ca_der).hex()}"
    for runtime in network.runtimes:
        yield f"runtime      {runtime}"
    for pool in network.pools:
        yield f"pool         {pool.address}  {pool.name}"
    if network.allow_simulated:
        yield "protection   NONE: its platform is simulated, so never send it a real secret"
    yield f"money        {'test credits, worth nothing' if network.has_test_money else 'real'}"
    yield f"fingerprint  {fingerprint(network)}"


def _url_lines(network: "Network") -> Iterator[str]:
    urls = {
        "pages": network.web_url,
        "chain": network.rpc_url,
        "market": network.market_url,
        "pool": network.pool_url,
        "storage": ", ".join(network.storage_nodes),
        "vaults": ", ".join(vault.url for vault in network.vaults),
        "sms": network.sms_url,
        "faucet": network.faucet_url,
    }
    return (f"{name:<12} {url}" for name, url in urls.items() if url)


def _store(data: Path | None) -> "NetworkStore":
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.network_store import NetworkStore

    return NetworkStore(home(data).networks)
