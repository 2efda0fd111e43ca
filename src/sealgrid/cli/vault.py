"""``sealgrid vault …``: operate one vault of a federation (docs/howto/run-a-vault.md)."""

from pathlib import Path
from typing import Annotated

import typer

from sealgrid.cli.session import notes

app = typer.Typer(help="Operate a vault.", no_args_is_help=True)
Config = Annotated[Path, typer.Argument(help="The vault's settings, a TOML file.")]


@app.callback()
def _group() -> None:
    """Operate a vault."""


@app.command()
def run(config: Config) -> None:
    """Serve a vault on loopback until it is told to end."""
    import asyncio

    from sealgrid.vault.config_file import read_config
    from sealgrid.vault.runner import run as run_vault
    from sealgrid.wire.serving import listen

    settings, port = read_config(config)
    asyncio.run(run_vault(settings, listen(port), lambda: notes.print(f"ready at http://127.0.0.1:{port}")))
