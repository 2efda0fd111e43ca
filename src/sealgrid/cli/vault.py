"""``sealgrid vault …``: operate one vault of a federation (docs/howto/run-a-vault.md)."""

from pathlib import Path
from typing import Annotated

import typer

from sealgrid.cli.account_session import answers, notes

app = typer.Typer(help="Operate a vault.", no_args_is_help=True)
Config = Annotated[Path, typer.Argument(help="The vault's settings, a TOML file.")]


@app.callback()
def _group() -> None:
    """Operate a vault."""


@app.command()
def run(config: Config) -> None:
    """Serve a vault on loopback until it is told to end."""
    import asyncio

    from sealgrid.vault.config import read_config
    from sealgrid.vault.runner import run as run_vault
    from sealgrid.wire.server import listen

    settings, port = read_config(config)
    asyncio.run(run_vault(settings, listen(port), lambda: notes.print(f"ready at http://127.0.0.1:{port}")))


@app.command()
def backup(config: Config, file: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Copy a vault's database, while it runs or not; its keys are kept elsewhere, copy them apart."""
    from sealgrid.vault.config import read_config
    from sealgrid.vault.operator.backup import back_up

    settings, _ = read_config(config)
    back_up(settings.folder, file)
    answers.print(f"{file}  the database, without its keys", markup=False)


@app.command()
def restore(config: Config, file: Annotated[Path, typer.Argument(help="A copy that `backup` made.")]) -> None:
    """Put a copy back after a loss, without what was undone since: the other vaults tell what still holds."""
    import asyncio

    from sealgrid.vault.config import read_config
    from sealgrid.vault.operator.restore import restore as restore_vault

    settings, _ = read_config(config)
    done = asyncio.run(restore_vault(settings, file))
    answers.print(f"{done.restored} shares came back", markup=False)
    for asset, owner in done.dropped:
        answers.print(f"{asset}  dropped; its owner {owner} must share it anew", markup=False)
    if done.lost_entries:
        notes.print(
            f"{done.lost_entries} entries of the log are lost, and other vaults saw that they were signed: they will "
            "name this vault for it. Replace it under a new key; until then it still opens paid results.",
            style="yellow",
        )
