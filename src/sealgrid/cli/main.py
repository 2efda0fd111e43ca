"""The command ``sealgrid``: one file per noun, one clear line per error."""

import sys
import traceback
from pathlib import Path

import typer

from sealgrid.cli import account, demo, doctor, model, network, receipt, run, task, wallet, worker
from sealgrid.cli import app as apps
from sealgrid.errors import SealgridError
from sealgrid.localnet.layout import default_folder

app = typer.Typer(
    help="Sell and buy the use of AI models that nobody can copy.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
network.register(app)
wallet.register(account.app)
app.command()(run.run)
app.command()(account.earnings)
app.command()(doctor.doctor)
for noun, commands in (
    ("model", model.app), ("app", apps.app), ("task", task.app), ("receipt", receipt.app), ("account", account.app),
    ("demo", demo.app), ("worker", worker.app),
):  # fmt: skip
    app.add_typer(commands, name=noun)


def main() -> None:
    """Run the command; end with one line and a non-zero code when something was refused."""
    try:
        app()
    except SealgridError as error:
        print(f"sealgrid: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001  the last frame: a person gets one line, the log gets the rest
        log = _log_of(error)
        print(f"sealgrid: an unforeseen {type(error).__name__}; the details are in {log}.", file=sys.stderr)
        sys.exit(1)


def _log_of(error: Exception) -> Path:
    log = default_folder().parent / "last-error.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(traceback.format_exception(error)))
    return log
