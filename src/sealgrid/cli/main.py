"""The command ``sealgrid``: one file per noun, one clear line per error."""

import sys

import typer

from sealgrid.cli import demo, network
from sealgrid.errors import SealgridError

app = typer.Typer(
    help="Sell and buy the use of AI models that nobody can copy.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
network.register(app)
app.add_typer(demo.app, name="demo")


def main() -> None:
    """Run the command; end with one line and a non-zero code when something was refused."""
    try:
        app()
    except SealgridError as error:
        print(f"sealgrid: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
