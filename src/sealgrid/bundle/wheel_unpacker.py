"""Unpack the wheels that a verified manifest names into the folder that the app imports from."""

import hashlib
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sealgrid.bundle.archive import BROKEN, find_collision, is_regular, path_fault
from sealgrid.bundle.manifest import WheelEntry
from sealgrid.errors import BundleRefused, HostFailed
from sealgrid.units import Digest, to_digest

MAX_FILES = 100_000
MAX_BYTES = 4 << 30
_THREADS: Final = 2  #: zlib releases the GIL
_COST_OF_A_FILE: Final = 20_000  #: cost of creating a file, in bytes copied in the same time
_HOOKS = {"sitecustomize", "usercustomize"}  #: modules that an interpreter runs at start-up
_MERGED = {"purelib", "platlib"}  #: folders of NAME.data whose content is installed beside the package (PEP 427)


Entry = tuple[zipfile.ZipInfo, str]  #: (entry, path to write)


@dataclass(frozen=True, slots=True)
class PrivateCopy:
    """A private copy of a file, which no other process can change, and its hash."""

    path: Path
    sha256: Digest

    @classmethod
    def of(cls, path: Path) -> "PrivateCopy":
        """Hash a file."""
        with path.open("rb") as file:
            return cls(path, to_digest(hashlib.file_digest(file, "sha256").digest()))


@dataclass(frozen=True)
class UnpackPlan:
    """The entries to write of one archive, which passed checks (2) to (7) of ``unpack_wheels``."""

    filename: str
    source: Path
    entries: tuple[Entry, ...]


def unpack_wheels(wheels: Sequence[WheelEntry], copies: Mapping[str, PrivateCopy], target: Path) -> None:
    """Unpack wheels into ``target``, which must be empty; ``copies`` are the enclave's own, by file name.

    Nothing is written before every wheel passed these checks:
    (1) the copy has the SHA-256 that the manifest names;
    (2) it is a readable archive, and all wheels together have a bounded number of files and bytes;
    (3) it has plain files and folders only: no symbolic link, device, encryption;
    (4) every path is relative, without ``..``, and means the same on every system;
    (5) no path occurs twice, in one wheel or in two;
    (6) no two paths are equal ignoring case, and none is both a file and a folder;
    (7) nothing runs at start-up: no ``.pth``, ``sitecustomize`` or ``usercustomize``.

    Raises BundleRefused with the number of the first check that fails.
    """
    for wheel in wheels:
        if copies[wheel.filename].sha256 != wheel.sha256:  # (1)
            raise BundleRefused("1", f"{wheel.filename} is not the wheel that the manifest names.")
    for plan in plan_archives({wheel.filename: copies[wheel.filename].path for wheel in wheels}, target):
        shares = _split_evenly(plan.entries)
        write = partial(_write_share, plan.source, target)
        try:
            with ThreadPoolExecutor(len(shares)) as threads:
                list(threads.map(write, shares))
        except BROKEN as error:
            raise HostFailed(f"{plan.filename} could not be unpacked ({type(error).__name__}).") from error


def plan_archives(archives: Mapping[str, Path], target: Path) -> list[UnpackPlan]:
    """Check archives by (2) to (7) of ``unpack_wheels`` and create the folders of their files."""
    plans = check_archives(archives)
    folders = {path.rpartition("/")[0] for plan in plans for _, path in plan.entries}
    for folder in sorted(folders):
        (target / folder).mkdir(parents=True, exist_ok=True)
    return plans


def check_archives(archives: Mapping[str, Path]) -> list[UnpackPlan]:
    """Return what unpacking archives would write; raise BundleRefused by (2) to (7) of ``unpack_wheels``."""
    plans = [_plan(filename, source) for filename, source in archives.items()]  # (2), (3), (4), (7)
    paths = [path for plan in plans for _, path in plan.entries]
    size = sum(entry.file_size for plan in plans for entry, _ in plan.entries)
    if len(paths) > MAX_FILES or size > MAX_BYTES:  # (2)
        raise BundleRefused("2", f"the app's wheels have more than {MAX_FILES} files or {MAX_BYTES} bytes.")
    duplicates = [path for path, count in Counter(paths).items() if count > 1]
    if duplicates:  # (5)
        raise BundleRefused("5", f"{duplicates[0]!r} occurs twice among the app's wheels.")
    collision = find_collision(paths)
    if collision is not None:  # (6)
        raise BundleRefused("6", f"{collision!r} collides with another path among the app's wheels.")
    return plans


def _plan(filename: str, source: Path) -> UnpackPlan:
    try:
        with zipfile.ZipFile(source) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    except BROKEN as error:
        raise BundleRefused("2", f"{filename} is not a readable archive.") from error
    for entry in entries:
        if not is_regular(entry):  # (3)
            raise BundleRefused("3", f"{entry.filename!r} in {filename} is not a plain file.")
        fault = "holds a NUL" if entry.orig_filename != entry.filename else path_fault(entry.filename)
        if fault is not None:  # (4)
            raise BundleRefused("4", f"{entry.filename!r} in {filename} {fault}.")
    paths = [(entry, _install_path(entry.filename)) for entry in entries]
    installed = tuple((entry, path) for entry, path in paths if path is not None)
    for _, path in installed:
        module = path.split("/", 1)[0].split(".")[0].casefold()
        if path.casefold().endswith(".pth") or module in _HOOKS:  # (7)
            raise BundleRefused(
                "7", f"{path!r} in {filename} would run at start-up; use a version or package without it."
            )
    return UnpackPlan(filename, source, installed)


def _install_path(path: str) -> str | None:
    """Return the path that an entry is installed to (PEP 427); None for scripts, headers and data files."""
    top, _, rest = path.partition("/")
    if not top.endswith(".data") or not rest:
        return path
    kind, _, below = rest.partition("/")
    return below if kind in _MERGED and below else None


def _split_evenly(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Split the entries among the threads evenly by cost, largest files first."""
    shares: list[list[Entry]] = [[] for _ in range(_THREADS)]
    loads = [0] * _THREADS
    for entry in sorted(entries, key=lambda entry: entry[0].file_size, reverse=True):
        least = loads.index(min(loads))
        shares[least].append(entry)
        loads[least] += entry[0].file_size + _COST_OF_A_FILE
    return shares


def _write_share(source: Path, target: Path, entries: Sequence[Entry]) -> None:
    with zipfile.ZipFile(source) as archive:
        for entry, path in entries:
            with (target / path).open("xb") as written:  # buffered: writes all of it, or raises
                written.write(archive.read(entry))
