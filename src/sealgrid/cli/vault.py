"""``sealgrid vault …``: operate one vault of a federation (docs/howto/run-a-vault.md)."""

from pathlib import Path
from typing import Annotated

import typer

from sealgrid.cli.options import Data, NetworkName
from sealgrid.cli.output import stderr, stdout

app = typer.Typer(help="Operate a vault.", no_args_is_help=True)
Config = Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="The vault's settings.")]


@app.callback()
def _group() -> None:
    """Operate a vault."""


@app.command()
def init(config: Config, network: NetworkName = None, data: Data = None) -> None:
    """Write the settings of a new vault of a network, and create its keys."""
    from sealgrid.machine.vault_file import create_vault_file
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.network_store import choose_network

    address = create_vault_file(config, choose_network(home(data), network))
    stdout.print(f"vault {address}", markup=False)
    stdout.print(
        f"{config}  edit it; when the broker's owner has listed the vault: sealgrid vault run {config}", markup=False
    )


@app.command()
def run(config: Config) -> None:
    """Run a vault on the loopback interface until Ctrl-C or SIGTERM."""
    from functools import partial

    from sealgrid.cli.service_process import run_service
    from sealgrid.vault.config import read_config
    from sealgrid.vault.runner import run as run_vault
    from sealgrid.wire.service_access import LOOPBACK

    settings, port = read_config(config)
    run_service(partial(run_vault, settings), LOOPBACK, port)


@app.command()
def backup(
    config: Config, file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file for the copy.")]
) -> None:
    """Copy a vault's database, also while it runs. The copy has no keys of the vault: back them up separately."""
    from sealgrid.vault.config import read_config
    from sealgrid.vault.operator.backup import back_up

    settings, _ = read_config(config)
    back_up(settings.folder, file)
    stdout.print(f"{file}  the database, without its keys", markup=False)


@app.command()
def restore(
    config: Config,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `sealgrid vault backup` made.")],
) -> None:
    """Restore a copy. It drops shares that other vaults report as replaced or revoked after the copy was made."""
    import asyncio

    from sealgrid.vault.config import read_config
    from sealgrid.vault.operator.restore import restore as restore_vault

    settings, _ = read_config(config)
    done = asyncio.run(restore_vault(settings, file))
    stdout.print(f"{done.restored} shares restored", markup=False)
    for asset, owner in done.dropped:
        stdout.print(f"{asset}  dropped; its owner {owner} must deposit it again", markup=False)
    if done.lost_entries:
        stderr.print(
            f"{done.lost_entries} entries of the log are lost, and other vaults can prove that this vault signed "
            "them: they "
            "will report it. Replace it by a vault with a new key; until then it still opens paid results.",
            style="yellow",
        )
