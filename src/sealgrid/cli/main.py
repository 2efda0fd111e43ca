"""The command ``sealgrid``: one module a noun, one line an error."""

import sys
import traceback
from typing import NoReturn

import typer

from sealgrid.cli import (
    account,
    demo,
    doctor,
    model,
    model_access,
    network,
    pool,
    receipt,
    run,
    runtime,
    task,
    vault,
    worker,
)
from sealgrid.cli import app as apps
from sealgrid.cli.output import escape_controls, replace_unencodable
from sealgrid.errors import SealgridError

app = typer.Typer(
    help="Sell and buy the use of AI models without giving the models away.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Demos: sealgrid demo plates, demo data. To sell a model: sealgrid up, sealgrid model publish.",
)
model_access.register(model.app)
SELL, BUY, MONEY, LOCAL, MACHINES = "Sell", "Buy", "Keys and money", "A network on this machine", "Machines and vaults"
for noun, commands, panel in (
    ("model", model.app, SELL),
    ("app", apps.app, SELL),
    ("task", task.app, BUY),
    ("receipt", receipt.app, BUY),
    ("account", account.app, MONEY),
    ("demo", demo.app, LOCAL),
    ("pool", pool.app, MACHINES),
    ("worker", worker.app, MACHINES),
    ("vault", vault.app, MACHINES),
    ("runtime", runtime.app, MACHINES),
):
    app.add_typer(commands, name=noun, rich_help_panel=panel)
app.add_typer(model.app, name="data", rich_help_panel=SELL, help="The same for data: publish it, list what is offered.")
for command, panel in (
    (network.up, LOCAL),
    (network.down, LOCAL),
    (network.status, LOCAL),
    (doctor.doctor, LOCAL),
    (run.run, BUY),
    (account.earnings, MONEY),
):
    app.command(rich_help_panel=panel)(command)


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
