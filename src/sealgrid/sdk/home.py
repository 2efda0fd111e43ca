"""Where a user's things lie: the network file of the local network, and the keys of jobs."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

ENVIRONMENT = "SEALGRID_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """One user's data folder."""

    network: Path  #: the local network's file; it exists while the network runs
    jobs: Path  #: a private file for each job, with the key that opens its result: back this up


def home(data: Path | str | None = None) -> Home:
    """Return a chosen data folder, else SEALGRID_HOME, else the user's (``~/.local/share/sealgrid``)."""
    chosen = data or os.environ.get(ENVIRONMENT)
    if chosen:
        root = Path(chosen).resolve()
        return Home(network=root / "network.json", jobs=root / "jobs")
    root = Path(platformdirs.user_data_dir("sealgrid"))
    return Home(network=root / "localnet" / "network.json", jobs=root / "jobs")
