"""``sealgrid market|storage|web init|run``: services that anyone may run for a network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sealgrid.cli.options import Data, NetworkName
from sealgrid.cli.output import stdout
from sealgrid.cli.service_process import Service, run_service

if TYPE_CHECKING:
    from sealgrid.machine.service_files import ServiceFile

Name = Literal["market", "storage", "web"]
NAMES: dict[Name, str] = {"market": "a market", "storage": "a storage node", "web": "the pages of a network"}
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="The service's settings.")]


def commands_of(name: Name) -> typer.Typer:
    """Return the commands of one service."""
    what = NAMES[name]
    app = typer.Typer(help=f"Run {what}.", no_args_is_help=True)

    @app.command(help=f"Write the settings of {what}, and the network file beside them.")
    def init(config: ConfigFile, network: NetworkName = None, data: Data = None) -> None:
        from sealgrid.machine.service_files import create_file
        from sealgrid.sdk.stores.home import home
        from sealgrid.sdk.stores.network_store import choose_network

        create_file(config, _kind(name), choose_network(home(data), network))
        stdout.print(f"{config}  edit it, then: sealgrid {name} run {config}", markup=False)

    @app.command(help=f"Run {what} until Ctrl-C or SIGTERM.")
    def run(config: ConfigFile) -> None:
        from sealgrid.wire.settings_file import read_settings

        file = read_settings(config, _kind(name), what)
        run_service(_work(file, config.parent), file.host, file.port)

    return app


def _kind(name: Name) -> "type[ServiceFile]":
    from sealgrid.machine import service_files as files

    kinds: dict[Name, type[ServiceFile]] = {
        "market": files.MarketFile,
        "storage": files.StorageFile,
        "web": files.WebFile,
    }
    return kinds[name]


def _work(file: "ServiceFile", base: Path) -> Service:
    """Return the service with the settings of its file, to be run on a socket."""
    from functools import partial

    from sealgrid.machine.service_files import MarketFile, StorageFile, WebFile

    match file:
        case MarketFile():
            from sealgrid.market.runner import run as run_market

            return partial(run_market, file.config(base))
        case StorageFile():
            from sealgrid.storage_node.runner import run as run_storage

            return partial(run_storage, file.config(base))
        case WebFile():
            from sealgrid.localnet.layout import cache_folder
            from sealgrid.web.runner import run as run_web

            return partial(run_web, file.config(base, cache_folder()))
        case _:
            raise TypeError(f"no service has a {type(file).__name__}")
