"""``sealgrid ados serve``: an HTTP API that sells scores of readings to holders of API keys."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.options import PRICE_HELP, Json
from sealgrid.cli.output import print_result, stderr, stdout
from sealgrid.cli.session import for_account
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    from sealgrid.ados.api.keys import ApiKeyFolder
    from sealgrid.sdk.client import AsyncClient

app = typer.Typer(help="Serve the HTTP API of ADOS to holders of API keys.", no_args_is_help=True)
keys = typer.Typer(help="API keys of the clients.", no_args_is_help=True)
app.add_typer(keys, name="key")
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="The API's settings.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of the key: small letters, digits, hyphens.")]
Requests = Annotated[
    int | None,
    typer.Option(
        "--requests", min=1, metavar="NUMBER", help="Largest number of requests an hour; for a new key by default 600."
    ),
]
Spending = Annotated[
    str | None,
    typer.Option(
        "--spending",
        metavar="PRICE",
        help=f"Highest total price of its transactions; for a new key by default 10. {PRICE_HELP}",
    ),
]
REQUESTS, SPENDING = 600, "10"


@app.command()
def init(config: ConfigFile) -> None:
    """Write a file with the settings of the API."""
    from sealgrid.ados.api.config import create_config

    create_config(config)
    stdout.print(f"{config}  edit it, then: sealgrid ados serve run {config}", markup=False)


@app.command()
@for_account("requester")
async def run(me: "AsyncClient", config: ConfigFile) -> None:
    """Serve the API until Ctrl-C or SIGTERM. The account pays for the transactions of its clients."""
    from sealgrid.ados.api.config import read_config
    from sealgrid.ados.api.runner import run as serve
    from sealgrid.wire.server import listen

    settings = read_config(config)
    try:
        sock = listen(settings.port, settings.host)
    except OSError as error:
        raise InputRefused(
            f"{settings.host}:{settings.port} cannot be used ({error.strerror}); set another host or port in the "
            "settings.",
            money="",
        ) from error
    host, port = sock.getsockname()[:2]
    await serve(me, settings, sock, lambda: stderr.print(f"ready at {host}:{port}; stop it with Ctrl-C", markup=False))


@keys.command()
def new(
    config: ConfigFile,
    name: Name,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="A new private file for the key, to give to the client.")],
    requests: Requests = None,
    spending: Spending = None,
) -> None:
    """Create an API key and write it to a file, once. The service stores only its hash."""
    from sealgrid.sdk.amounts import amount
    from sealgrid.sdk.stores.private_files import write_private

    if out.exists():
        raise InputRefused(f"{out} exists; name a new file with --out.", money="")
    most = int(amount(SPENDING if spending is None else spending))
    token = _folder(config).create(name, requests_per_hour=requests or REQUESTS, spending=most)
    try:
        write_private(out, token.encode() + b"\n", replace=False)
    except OSError as error:
        _folder(config).revoke(name)
        raise InputRefused(f"{out} cannot be written ({error.strerror}).", money="") from error
    stdout.print(f"wrote {out}", markup=False)


@keys.command()
def limit(config: ConfigFile, name: Name, *, requests: Requests = None, spending: Spending = None) -> None:
    """Change the limits of a key."""
    from sealgrid.sdk.amounts import amount

    most = None if spending is None else int(amount(spending))
    _folder(config).limit(name, requests_per_hour=requests, spending=most)
    stdout.print(f"changed {name}", markup=False)


@keys.command()
def revoke(config: ConfigFile, name: Name) -> None:
    """Refuse a key from now on. Its transactions continue."""
    _folder(config).revoke(name)
    stdout.print(f"revoked {name}", markup=False)


@keys.command("list")
def list_keys(config: ConfigFile, as_json: Json = False) -> None:
    """List the keys with their limits."""
    from sealgrid.sdk.amounts import Amount

    found = _folder(config).all()
    shown = [
        {"name": each.name, "requests_per_hour": each.requests_per_hour, "spending": str(Amount(each.spending))}
        for each in found
    ]
    lines = (f"{each['name']}  {each['requests_per_hour']} requests an hour, {each['spending']}" for each in shown)
    print_result(shown, lines, as_json=as_json)


def _folder(config: Path) -> "ApiKeyFolder":
    from sealgrid.ados.api.config import read_config
    from sealgrid.ados.api.keys import ApiKeyFolder

    return ApiKeyFolder(read_config(config).keys)
