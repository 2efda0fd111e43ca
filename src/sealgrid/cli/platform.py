"""``sealgrid platform init|run``: the service that launches enclaves on this machine's confidential hardware."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.output import stdout
from sealgrid.errors import InputRefused

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

app = typer.Typer(help="Launch enclaves on this machine's confidential hardware.", no_args_is_help=True)
Config = Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="The platform's settings.")]


@app.command()
def init(
    config: Config,
    launch: Annotated[Path, typer.Option(metavar="FILE", help="The launch.sh that `sealgrid runtime build` wrote.")],
    runtime: Annotated[
        str, typer.Option(metavar="DIGEST", help="The runtime identity, from `sealgrid runtime identity`.")
    ],
    root: Annotated[
        str, typer.Option(metavar="PLATFORM=FILE", help="The root certificate of this machine's vendor, DER or PEM.")
    ],
) -> None:
    """Write the settings of a platform, with the root certificate beside them."""
    from sealgrid.cli.pins import parse_root
    from sealgrid.platform.platform_file import create_platform_file
    from sealgrid.units import to_digest

    try:
        identity = to_digest(runtime)
    except ValueError as error:
        raise InputRefused(
            f"{runtime!r} is not a valid runtime identity; print it with: sealgrid runtime identity", money=""
        ) from error
    trusted = parse_root(root)
    create_platform_file(config, launch, identity, trusted.platform, trusted.root_ca_der)
    stdout.print(f"{config}  edit it, then: sealgrid platform run {config}", markup=False)


@app.command()
def run(config: Config) -> None:
    """Serve this machine's confidential hardware to its workers, one guest for each launch. Not tested on hardware."""
    from sealgrid.cli.service_process import run_service
    from sealgrid.cli.worker_hardware import open_collateral
    from sealgrid.platform.platform_file import PlatformFile
    from sealgrid.platform.runner import run_hardware
    from sealgrid.wire.settings_file import read_settings

    file = read_settings(config, PlatformFile, "a platform")
    hardware, base = file.config(config.parent), config.parent

    async def serve(sock: "socket.socket", ready: "Callable[[], None]") -> None:
        async with open_collateral(base / file.cache, (file.root(base),), (file.intel, file.amd)) as collateral:
            await run_hardware(hardware, collateral, sock, ready)

    run_service(serve, file.host, file.port)
