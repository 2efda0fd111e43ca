"""The command ``sealgrid``: one file per noun, one clear line per error."""

import sys
import traceback

import typer

from sealgrid.cli import (
    account,
    demo,
    doctor,
    model,
    model_uses,
    network,
    receipt,
    run,
    runtime,
    task,
    vault,
    wallet,
    worker,
)
from sealgrid.cli import app as apps
from sealgrid.cli.terminal import harmless
from sealgrid.errors import SealgridError
from sealgrid.sdk.stores.home import home

app = typer.Typer(
    help="Sell and buy the use of AI models that nobody can copy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="To look first: sealgrid demo plates, demo data. To sell your own: sealgrid up, sealgrid model publish.",
)
wallet.register(account.app)
model_uses.register(model.app)
SELL, BUY, MONEY, LOCAL, MACHINES = "Sell", "Buy", "Keys and money", "A network on this machine", "Machines and vaults"
for noun, commands, panel in (
    ("model", model.app, SELL),
    ("app", apps.app, SELL),
    ("task", task.app, BUY),
    ("receipt", receipt.app, BUY),
    ("account", account.app, MONEY),
    ("demo", demo.app, LOCAL),
    ("worker", worker.app, MACHINES),
    ("vault", vault.app, MACHINES),
    ("runtime", runtime.app, MACHINES),
):
    app.add_typer(commands, name=noun, rich_help_panel=panel)
app.add_typer(model.app, name="data", rich_help_panel=SELL, help="The same for data: publish it, see what is offered.")
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
    """Run the command; end with one line and a non-zero code when something was refused."""
    try:
        app()
    except SealgridError as error:
        print(f"sealgrid: {harmless(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001  the last frame: a person gets one line, the log gets the rest
        print(f"sealgrid: an unforeseen {type(error).__name__}; {_kept_details(error)}.", file=sys.stderr)
        sys.exit(1)


def _kept_details(error: Exception) -> str:
    log = home().accounts.parent / "last-error.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)))
    except OSError as unwritten:
        return f"its details cannot be written to {log} ({unwritten.strerror})"
    return f"the details are in {log}"
