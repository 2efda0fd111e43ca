"""Where a user's things lie: the network file of the local network, and everything that nobody else has."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

ENVIRONMENT = "SEALGRID_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """One user's data folder."""

    network: Path  #: the local network's file; it exists while the network runs
    jobs: Path  #: a private file for each job, with the key that opens its result
    accounts: Path  #: a keystore for each account of one's own, locked by its password

    models: Path  #: a private file for each published model, with its key and the offers that were signed

    @property
    def precious(self) -> tuple[Path, ...]:
        """Return the folders to back up: nobody else has what is in them."""
        return (self.accounts, self.models, self.jobs)


def home(data: Path | str | None = None) -> Home:
    """Return a chosen data folder, else SEALGRID_HOME, else the user's (``~/.local/share/sealgrid``)."""
    chosen = data or os.environ.get(ENVIRONMENT)
    if chosen:
        root = Path(chosen).resolve()
        return _home(root, network=root / "network.json")
    root = Path(platformdirs.user_data_dir("sealgrid"))
    return _home(root, network=root / "localnet" / "network.json")


def _home(root: Path, network: Path) -> Home:
    return Home(network=network, jobs=root / "jobs", accounts=root / "accounts", models=root / "models")
