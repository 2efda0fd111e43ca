"""Memory and task limits of an enclave by Linux control groups, version 2 or 1.

The limits protect the machine from a hostile runtime; the app's own, smaller limits apply inside. Version 2 is used if
it has the controllers. ``active`` lists the controllers that work.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "sealgrid-"
_TRIAL = str(1 << 20)  #: a value that both controllers accept
_FILES = {1: {"memory": "memory.limit_in_bytes", "pids": "pids.max"}, 2: {"memory": "memory.max", "pids": "pids.max"}}
#: enters each group whose file is before "--", then executes the command after it
_ENTER_SCRIPT = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class ParentCgroup:
    """A writable group below which this process creates others, for one controller."""

    controller: str
    version: int
    folder: Path


@dataclass(frozen=True)
class EnclaveCgroup:
    """The control groups of one enclave; empty if the machine has none."""

    folders: tuple[Path, ...]

    def wrap_command(self, command: list[str]) -> list[str]:
        """Return a command that enters the groups and executes ``command``."""
        if not self.folders:
            return command
        return [
            "/bin/sh",
            "-c",
            _ENTER_SCRIPT,
            "sh",
            *(str(path / "cgroup.procs") for path in self.folders),
            "--",
            *command,
        ]

    def remove(self) -> bool:
        """Remove the groups of an ended enclave; return whether the kernel has removed all of them."""
        for folder in self.folders:
            with suppress(OSError):
                folder.rmdir()
        return not any(folder.exists() for folder in self.folders)


class Cgroups:
    """Creates control groups; probes each controller by creating a trial group."""

    def __init__(self, root: Path = ROOT, own: str | None = None) -> None:
        self._own = own if own is not None else _read(Path("/proc/self/cgroup"))
        self._parents = tuple(parent for name in ("memory", "pids") if (parent := self._usable(root, name)))

    @property
    def active(self) -> Mapping[str, int]:
        """Return controller -> cgroup version, for the usable controllers."""
        return {parent.controller: parent.version for parent in self._parents}

    def group(self, name: str, limits: Mapping[str, int]) -> EnclaveCgroup:
        """Create the groups of one enclave; ``limits`` has "memory" in bytes and "pids" in tasks."""
        made: list[Path] = []
        for parent in self._parents:
            folder = parent.folder / f"{PREFIX}{os.getpid()}-{name}"
            if folder not in made:
                folder.mkdir(exist_ok=True)
                made.append(folder)
            (folder / _FILES[parent.version][parent.controller]).write_text(str(limits[parent.controller]))
        return EnclaveCgroup(tuple(made))

    def remove_stale(self) -> None:
        """Remove groups of ended platforms; the kernel keeps groups with processes."""
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
        paths = {}
        for line in self._own.splitlines():  # "8:pids:/path", or "0::/path" for version 2
            number, controllers, path = line.split(":", 2)
            paths["" if number == "0" else controllers] = path.strip("/")
        candidates = []
        if controller in _read(root / "cgroup.controllers").split():
            candidates.append(ParentCgroup(controller, 2, root / paths.get("", "")))
        if (root / controller).is_dir():
            candidates.append(ParentCgroup(controller, 1, root / controller / paths.get(controller, "")))
        return candidates


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
