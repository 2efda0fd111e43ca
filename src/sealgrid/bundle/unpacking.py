"""Unpack the wheels, or the environment, that a verified manifest names into the folder that the app imports from."""

import hashlib
import os
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from sealgrid.bundle.archive import BROKEN, is_regular
from sealgrid.bundle.manifest import Wheel
from sealgrid.bundle.paths import collision_in, fault_of
from sealgrid.errors import BundleRefused, HostFailed
from sealgrid.units import Digest, to_digest

MAX_FILES = 100_000
MAX_BYTES = 4 << 30
_THREADS: Final = 2  #: zlib and the kernel's copies run outside Python's lock
_COST_OF_A_FILE: Final = 20_000  #: bytes that are copied while one file is made
_LOCAL_HEADER = 30  #: bytes of a local file header before its name (APPNOTE 4.3.7)
_HOOKS = {"sitecustomize", "usercustomize"}  #: modules that an interpreter runs unasked
_MERGED = {"purelib", "platlib"}  #: folders of NAME.data whose content is installed beside the package (PEP 427)


_Entry = tuple[zipfile.ZipInfo, str]  #: (entry, path to write)


@dataclass(frozen=True, slots=True)
class Copy:
    """One's own copy of a file, which nobody else can change, and what it hashes to."""

    path: Path
    sha256: Digest

    @classmethod
    def of(cls, path: Path) -> "Copy":
        """Hash a file."""
        with path.open("rb") as file:
            return cls(path, to_digest(hashlib.file_digest(file, "sha256").digest()))


@dataclass(frozen=True)
class _Unpacking:
    wheel: Wheel
    source: Path
    entries: tuple[_Entry, ...]


def unpack_wheels(wheels: Sequence[Wheel], copies: Mapping[str, Copy], target: Path) -> None:
    """Unpack wheels into ``target``, which must be empty; ``copies`` gives the enclave's own by file name.

    Nothing is written before every wheel passed:
    (1) the copy has the SHA-256 that the manifest names;
    (2) it is a readable archive, and all wheels together have a bounded number of files and bytes;
    (3) it holds plain files and folders: no symbolic link, device, encryption;
    (4) every path is relative, without ``..``, and reads alike on every system;
    (5) no two wheels, and no wheel twice, hold one path;
    (6) no two paths differ in letter case alone, and none is a file and a folder;
    (7) nothing runs unasked: no ``.pth``, ``sitecustomize`` or ``usercustomize``.

    Raises BundleRefused with the number of the first check that fails.
    """
    for wheel in wheels:
        if copies[wheel.filename].sha256 != wheel.sha256:  # (1)
            raise BundleRefused("1", f"{wheel.filename} is not the wheel that the manifest names.")
    plans = [_plan(wheel, copies[wheel.filename].path) for wheel in wheels]  # (2), (3), (4), (7)
    paths = [path for plan in plans for _, path in plan.entries]
    _expect_bounded([entry for plan in plans for entry, _ in plan.entries])  # (2)
    twice = [path for path, count in Counter(paths).items() if count > 1]
    if twice:  # (5)
        raise BundleRefused("5", f"{twice[0]!r} comes twice among the app's wheels.")
    collision = collision_in(paths)
    if collision is not None:  # (6)
        raise BundleRefused("6", f"{collision!r} collides with another path among the app's wheels.")
    _make_folders(paths, target)
    for plan in plans:
        _write(plan, target)


def _plan(wheel: Wheel, source: Path) -> _Unpacking:
    try:
        with zipfile.ZipFile(source) as archive:
            entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    except BROKEN as error:
        raise BundleRefused("2", f"{wheel.filename} is no readable archive.") from error
    for entry in entries:
        if not is_regular(entry):  # (3)
            raise BundleRefused("3", f"{entry.filename!r} in {wheel.filename} is no plain file.")
        fault = "holds a NUL" if entry.orig_filename != entry.filename else fault_of(entry.filename)
        if fault is not None:  # (4)
            raise BundleRefused("4", f"{entry.filename!r} in {wheel.filename} {fault}.")
    placed = [(entry, _place(entry.filename)) for entry in entries]
    kept = tuple((entry, path) for entry, path in placed if path is not None)
    _expect_no_hook(wheel, (path for _, path in kept))  # (7)
    return _Unpacking(wheel, source, kept)


def _place(path: str) -> str | None:
    """Return where an entry is installed (PEP 427); None for scripts, headers and data outside the package."""
    top, _, rest = path.partition("/")
    if not top.endswith(".data") or not rest:
        return path
    kind, _, below = rest.partition("/")
    return below if kind in _MERGED and below else None


def _expect_no_hook(wheel: Wheel, paths: Iterable[str]) -> None:
    for path in paths:
        name = path.rsplit("/", 1)[-1].casefold()
        if name.endswith(".pth") or path.split("/", 1)[0].split(".")[0].casefold() in _HOOKS:
            raise BundleRefused("7", f"{path!r} in {wheel.filename} would run unasked.")


def _expect_bounded(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FILES or _bytes(entries) > MAX_BYTES:
        raise BundleRefused("2", f"the app's wheels hold more than {MAX_FILES} files or {MAX_BYTES} bytes.")


def _bytes(entries: Iterable[zipfile.ZipInfo]) -> int:
    return sum(entry.file_size for entry in entries)


def _make_folders(paths: Iterable[str], target: Path) -> None:
    for folder in sorted({path.rpartition("/")[0] for path in paths}):
        (target / folder).mkdir(parents=True, exist_ok=True)


def _write(plan: _Unpacking, target: Path) -> None:
    shares = _shared_out(plan.entries)
    try:
        with ThreadPoolExecutor(len(shares)) as threads:
            list(threads.map(lambda share: _write_share(plan.source, share, target), shares))
    except BROKEN as error:
        raise HostFailed(f"{plan.wheel.filename} could not be unpacked ({type(error).__name__}).") from error


def _shared_out(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    """Split the work evenly by bytes, the largest files first."""
    shares: list[list[_Entry]] = [[] for _ in range(_THREADS)]
    loads = [0] * _THREADS
    for entry in sorted(entries, key=lambda entry: entry[0].file_size, reverse=True):
        least = loads.index(min(loads))
        shares[least].append(entry)
        loads[least] += entry[0].file_size + _COST_OF_A_FILE
    return shares


def _write_share(source: Path, entries: Sequence[_Entry], target: Path) -> None:
    with zipfile.ZipFile(source) as archive, source.open("rb") as file:
        for entry, path in entries:
            with (target / path).open("xb", buffering=0) as written:
                if _is_stored(entry):
                    _carry(file.fileno(), _start(file, entry), entry.file_size, written.fileno())
                else:
                    written.write(archive.read(entry))


def _is_stored(entry: zipfile.ZipInfo) -> bool:
    # What is stored as it is needs no reader: its bytes are a part of a file whose digest was checked.
    return entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size


def _start(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    header = os.pread(file.fileno(), _LOCAL_HEADER, entry.header_offset)
    name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    return entry.header_offset + _LOCAL_HEADER + name + extra


def _carry(source: int, start: int, size: int, target: int) -> None:
    """Copy within the kernel: a file of an environment is one of its archive's pages, written once."""
    end = start + size
    while start < end:
        count = os.sendfile(target, source, start, end - start)
        if not count:
            raise zipfile.BadZipFile("an entry ends after its archive")
        start += count
