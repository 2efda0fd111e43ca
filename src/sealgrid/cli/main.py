"""The command ``sealgrid``: one module a noun, one line an error."""

import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from sealgrid.cli import (
    account,
    ados,
    app_development,
    bag,
    demo,
    doctor,
    model,
    model_access,
    network,
    networks,
    platform,
    pool,
    receipt,
    run,
    runtime,
    services,
    setup,
    task,
    top,
    vault,
    worker,
    worker_account,
    worker_hardware,
)
from sealgrid.cli import app as apps
from sealgrid.cli.options import NETWORK_ENVIRONMENT
from sealgrid.cli.output import escape_controls, replace_unencodable
from sealgrid.errors import SealgridError

app = typer.Typer(
    help="Sell and buy the use of AI models without giving the models away.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="First: sealgrid up, then sealgrid demo plates, demo data or demo ados. To sell a model: sealgrid "
    "model publish.",
)


model_access.register(model.app)
app_development.register(apps.app)
worker_hardware.register(worker.app)
worker_account.register(worker.app)
SELL, BUY, MONEY = "Sell", "Buy", "Keys and money"
LOCAL, OTHERS, MACHINES = "A network on this machine", "Networks of others", "Machines and vaults"
for noun, commands, panel in (
    ("model", model.app, SELL),
    ("app", apps.app, SELL),
    ("ados", ados.app, SELL),
    ("task", task.app, BUY),
    ("bag", bag.app, BUY),
    ("receipt", receipt.app, BUY),
    ("account", account.app, MONEY),
    ("network", networks.app, OTHERS),
    ("demo", demo.app, LOCAL),
    ("pool", pool.app, MACHINES),
    ("worker", worker.app, MACHINES),
    ("vault", vault.app, MACHINES),
    ("platform", platform.app, MACHINES),
    *((name, services.commands_of(name), MACHINES) for name in services.NAMES),
    ("runtime", runtime.app, MACHINES),
):
    app.add_typer(commands, name=noun, rich_help_panel=panel)
app.add_typer(
    model.app,
    name="data",
    rich_help_panel=SELL,
    help="Publish data, list the offered ones: the commands of `model`, for any file.",
)
for command, panel in (
    (network.up, LOCAL),
    (network.down, LOCAL),
    (network.status, LOCAL),
    (top.top, MACHINES),
    (doctor.doctor, LOCAL),
    (setup.setup, LOCAL),
    (run.run, BUY),
    (account.earnings, MONEY),
):
    app.command(rich_help_panel=panel)(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"sealgrid {version('sealgrid')}")
        raise typer.Exit


@app.callback()
def root(
    network: Annotated[
        str | None,
        typer.Option(
            "--network", metavar="NAME|FILE", help="A joined network, or a network file; by default SEALGRID_NETWORK."
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Sell and buy the use of AI models without giving the models away."""
    if network is not None:
        os.environ[NETWORK_ENVIRONMENT] = network


def main() -> None:
    """Run the command. An error prints one line and exits with a non-zero code."""
    replace_unencodable()
    try:
        app()
    except SealgridError as error:
        _exit(error)
    except OSError as error:
        from sealgrid.sdk.stores.file_errors import file_error

        if (known := file_error(error)) is not None:
            _exit(known)
        print(f"sealgrid: unexpected {type(error).__name__}; {_write_details(error)}.", file=sys.stderr)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  the last frame: print one line, write the traceback to a file
        print(f"sealgrid: unexpected {type(error).__name__}; {_write_details(error)}.", file=sys.stderr)
        sys.exit(1)


def _exit(error: SealgridError) -> NoReturn:
    print(f"sealgrid: {escape_controls(str(error))}", file=sys.stderr)
    sys.exit(error.exit_code)


def _write_details(error: Exception) -> str:
    from sealgrid.sdk.stores.home import home

    details = "".join(traceback.format_exception(error)).encode(errors="backslashreplace")
    try:
        log = home().accounts.parent / "last-error.log"
    except SealgridError as homeless:
        return f"its details cannot be written: {homeless.message.rstrip('.')}"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(details)
    except OSError as unwritten:
        return f"its details cannot be written to {log} ({unwritten.strerror})"
    return f"the details are in {log}"
