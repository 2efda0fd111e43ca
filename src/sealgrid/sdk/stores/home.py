"""Paths of a user's data folder: network files, accounts, model keys and result keys."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from sealgrid.errors import InputRefused

ENVIRONMENT = "SEALGRID_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """The paths in a user's data folder."""

    network: Path  #: file of the local network; it exists while the network runs
    jobs: Path  #: one private file a purchased task, with the key that opens its result
    accounts: Path  #: one keystore an account, encrypted with its password
    networks: Path  #: one network file a joined network
    models: Path  #: one private file a published model, with its key and signed offers
    bags: Path  #: one private file a purchased bag, with the purchases of its tasks

    @property
    def precious(self) -> tuple[Path, ...]:
        """Return the folders to back up: no other party has their content."""
        return (self.accounts, self.models, self.jobs, self.bags)


def home(data: Path | str | None = None) -> Home:
    """Return a chosen data folder, else SEALGRID_HOME, else the user's (``~/.local/share/sealgrid``)."""
    chosen = data or os.environ.get(ENVIRONMENT)
    if chosen:
        root = Path(chosen).resolve()
        return _home(root, network=root / "network.json")
    root = user_data_folder()
    return _home(root, network=root / "localnet" / "network.json")


def user_data_folder() -> Path:
    """Return the folder of this user's data; raise InputRefused for a user without a home directory."""
    with suppress(RuntimeError):
        root = Path(platformdirs.user_data_dir("sealgrid"))
        if root.is_absolute():
            return root
    raise InputRefused(
        "this user has no home directory; set HOME, or choose a data folder with --home DIR or SEALGRID_HOME.", money=""
    )


def _home(root: Path, network: Path) -> Home:
    return Home(
        network=network,
        jobs=root / "jobs",
        accounts=root / "accounts",
        networks=root / "networks",
        models=root / "models",
        bags=root / "bags",
    )
