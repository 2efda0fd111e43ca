"""Hold an enclave, with the app in it, to memory and to a number of tasks, by the control groups of this machine.

An app's own limits are smaller and held inside; these protect the machine when everything inside is hostile. Version 2
where it has the controllers, version 1 otherwise; what cannot be used is not active, and ``active`` says so.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "sealgrid-"
_TRIAL = str(1 << 20)  #: a limit that both controllers take
_FILES = {1: {"memory": "memory.limit_in_bytes", "pids": "pids.max"}, 2: {"memory": "memory.max", "pids": "pids.max"}}
#: enters each group whose file stands before "--", then becomes what stands behind it
_ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class ParentCgroup:
    """A group of ours below which we may make others, for one controller."""

    controller: str
    version: int
    folder: Path


@dataclass(frozen=True)
class EnclaveCgroup:
    """The control groups of one enclave; none where the machine gives none."""

    folders: tuple[Path, ...]

    def entering(self, command: list[str]) -> list[str]:
        """Return the command that enters the groups and then becomes ``command``."""
        if not self.folders:
            return command
        return ["/bin/sh", "-c", _ENTER, "sh", *(str(path / "cgroup.procs") for path in self.folders), "--", *command]

    def remove(self) -> bool:
        """Remove the groups of an enclave that ended; return whether the kernel let go of all of them yet."""
        for folder in self.folders:
            with suppress(OSError):
                folder.rmdir()
        return not any(folder.exists() for folder in self.folders)


class Cgroups:
    """The control groups that this process may make; found by making one, not by looking."""

    def __init__(self, root: Path = ROOT, own: str | None = None) -> None:
        self._own = own if own is not None else _read(Path("/proc/self/cgroup"))
        self._parents = tuple(parent for name in ("memory", "pids") if (parent := self._usable(root, name)))

    @property
    def active(self) -> Mapping[str, int]:
        """Return controller -> version of control groups, for those that hold."""
        return {parent.controller: parent.version for parent in self._parents}

    def group(self, name: str, limits: Mapping[str, int]) -> EnclaveCgroup:
        """Make the groups of one enclave; ``limits`` gives "memory" in bytes and "pids" in tasks."""
        made: list[Path] = []
        for parent in self._parents:
            folder = parent.folder / f"{PREFIX}{os.getpid()}-{name}"
            if folder not in made:
                folder.mkdir(exist_ok=True)
                made.append(folder)
            (folder / _FILES[parent.version][parent.controller]).write_text(str(limits[parent.controller]))
        return EnclaveCgroup(tuple(made))

    def sweep(self) -> None:
        """Remove groups whose platform is gone; the kernel keeps those in which something runs."""
        for parent in self._parents:
            for folder in parent.folder.glob(f"{PREFIX}*-*"):
                maker = folder.name.removeprefix(PREFIX).partition("-")[0]
                if maker.isdigit() and not Path("/proc", maker).exists():
                    EnclaveCgroup((folder,)).remove()

    def _usable(self, root: Path, controller: str) -> ParentCgroup | None:
        for parent in self._candidates(root, controller):
            trial = parent.folder / f"{PREFIX}{os.getpid()}-trial-{controller}"
            try:
                if parent.version == 2:
                    (parent.folder / "cgroup.subtree_control").write_text(f"+{controller}")
                trial.mkdir()
            except OSError:
                continue
            try:
                (trial / _FILES[parent.version][controller]).write_text(_TRIAL)
                return parent
            except OSError:
                continue
            finally:
                with suppress(OSError):
                    trial.rmdir()
        return None

    def _candidates(self, root: Path, controller: str) -> list[ParentCgroup]:
        places = {}
        for line in self._own.splitlines():  # "8:pids:/path", or "0::/path" for version 2
            number, controllers, path = line.split(":", 2)
            places["" if number == "0" else controllers] = path.strip("/")
        found = []
        if controller in _read(root / "cgroup.controllers").split():
            found.append(ParentCgroup(controller, 2, root / places.get("", "")))
        if (root / controller).is_dir():
            found.append(ParentCgroup(controller, 1, root / controller / places.get(controller, "")))
        return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
