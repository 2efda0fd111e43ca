"""Network files that a user joined, and the choice among them."""

import os
import re
from pathlib import Path
from typing import Final

import msgspec

from sealgrid.errors import InputRefused, NetworkNotRunning, NotFound
from sealgrid.sdk.network import Network, fingerprint, load_network
from sealgrid.sdk.stores.home import Home
from sealgrid.sdk.stores.private_files import write_private

ENVIRONMENT: Final = "SEALGRID_NETWORK"
LOCAL: Final = "local"  #: the network that runs in the data folder

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class NetworkStore:
    """The folder of joined networks, ``NAME.json`` each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Return the path of a network's file; raise InputRefused for an invalid name."""
        if not _NAME.fullmatch(name) or name == LOCAL:
            raise InputRefused(
                f"{name[:40]!r} is not a valid name of a joined network; use up to 40 of a-z, 0-9, ., - and _, "
                f"and not {LOCAL!r}.",
                money="",
            )
        return self.folder / f"{name}.json"

    def check_free(self, name: str, network: Network) -> None:
        """Raise InputRefused if another network has this name; the same network may be joined again."""
        if self.path(name).exists() and fingerprint(self.read(name)) != fingerprint(network):
            raise InputRefused(
                f"the network {name!r} was joined with other pins; give this one another name with --name, or "
                f"remove the old one with: sealgrid network leave {name}",
                money="",
            )

    def store(self, name: str, network: Network) -> Path:
        """Write a network under a name, or its new URLs; raise InputRefused as ``check_free``."""
        self.check_free(name, network)
        path = self.path(name)
        write_private(path, msgspec.json.format(msgspec.json.encode(network)))
        return path

    def read(self, name: str) -> Network:
        """Return a joined network; raise NotFound."""
        path = self.path(name)
        if not path.exists():
            joined = ", ".join(self.names()) or "none"
            raise NotFound(f"no network {name!r} was joined (joined: {joined}); see: sealgrid network join", money="")
        return load_network(path)

    def names(self) -> tuple[str, ...]:
        """Return the names of all joined networks."""
        files = self.folder.glob("*.json") if self.folder.is_dir() else ()
        return tuple(sorted(path.stem for path in files if _NAME.fullmatch(path.stem)))

    def remove(self, name: str) -> None:
        """Remove a joined network; raise NotFound."""
        self.read(name)
        self.path(name).unlink()


def choose_network(folders: Home, chosen: str | Path | None = None) -> Network:
    """Return a network by name or file, by default SEALGRID_NETWORK.

    Without either it is the running local network, else the joined one if there is one only and no local network was
    ever started here. Raises NetworkNotRunning without a network, InputRefused if there are several.
    """
    named = chosen or os.environ.get(ENVIRONMENT)
    store = NetworkStore(folders.networks)
    if named is not None and str(named):
        return _named(named, folders, store)
    names = store.names()
    if folders.network.exists() or not names:
        return load_network(folders.network)
    if (folders.network.parent / "supervisor.lock").exists():
        raise NetworkNotRunning(
            f"no local network is running; start it with: sealgrid up, or name one with --network: {', '.join(names)}"
        )
    if len(names) > 1:
        raise InputRefused(f"several networks are joined; name one with --network: {', '.join(names)}", money="")
    return store.read(names[0])


def _named(named: str | Path, folders: Home, store: NetworkStore) -> Network:
    if str(named) == LOCAL:
        return load_network(folders.network)
    path = Path(named)
    if isinstance(named, Path) or path.suffix == ".json" or os.sep in named:
        if not path.exists():
            raise InputRefused(f"the network file {path} does not exist.", money="")
        return load_network(path)
    return load_network(path) if path.is_file() and named not in store.names() else store.read(named)
