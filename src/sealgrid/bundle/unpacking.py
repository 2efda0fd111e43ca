"""Unpack the wheels, or the environment, that a verified manifest names into the folder that the app imports from."""

import hashlib
import mmap
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sealgrid.bundle.archive import BROKEN, is_regular
from sealgrid.bundle.manifest import Wheel
from sealgrid.bundle.paths import collision_in, fault_of
from sealgrid.errors import BundleRefused, HostFailed
from sealgrid.units import to_digest

MAX_FILES = 100_000
MAX_BYTES = 4 << 30
_THREADS = 2  #: zlib runs outside Python's lock
_LOCAL_HEADER = 30  #: bytes of a local file header before its name (APPNOTE 4.3.7)
_HOOKS = {"sitecustomize", "usercustomize"}  #: modules that an interpreter runs unasked
_MERGED = {"purelib", "platlib"}  #: folders of NAME.data whose content is installed beside the package (PEP 427)


@dataclass(frozen=True)
class _Unpacking:
    wheel: Wheel
    source: Path
    entries: tuple[tuple[zipfile.ZipInfo, str], ...]  #: (entry, path to write)


def unpack_wheels(wheels: Sequence[Wheel], sources: Mapping[str, Path], target: Path) -> None:
    """Unpack wheels into ``target``, which must be empty; ``sources`` gives the enclave's own copy by file name.

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
        _expect_digest(wheel, sources[wheel.filename])  # (1)
    plans = [_plan(wheel, sources[wheel.filename]) for wheel in wheels]  # (2), (3), (4), (7)
    paths = [path for plan in plans for _, path in plan.entries]
    _expect_bounded([entry for plan in plans for entry, _ in plan.entries])  # (2)
    twice = [path for path, count in Counter(paths).items() if count > 1]
    if twice:  # (5)
        raise BundleRefused("5", f"{twice[0]!r} comes twice among the app's wheels.")
    collision = collision_in(paths)
    if collision is not None:  # (6)
        raise BundleRefused("6", f"{collision!r} collides with another path among the app's wheels.")
    _make_folders(paths, target)
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(lambda plan: _write(plan, target), sorted(plans, key=_bytes_of, reverse=True)))


def _expect_digest(wheel: Wheel, source: Path) -> None:
    with source.open("rb") as file:
        if to_digest(hashlib.file_digest(file, "sha256").digest()) != wheel.sha256:
            raise BundleRefused("1", f"{wheel.filename} is not the wheel that the manifest names.")


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


def _bytes_of(plan: _Unpacking) -> int:
    return _bytes(entry for entry, _ in plan.entries)


def _make_folders(paths: Iterable[str], target: Path) -> None:
    for folder in sorted({path.rpartition("/")[0] for path in paths}):
        (target / folder).mkdir(parents=True, exist_ok=True)


def _write(plan: _Unpacking, target: Path) -> None:
    try:
        with (
            zipfile.ZipFile(plan.source) as archive,
            plan.source.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            for entry, path in plan.entries:
                (target / path).write_bytes(_content(archive, entry, content))
    except BROKEN as error:
        raise HostFailed(f"{plan.wheel.filename} could not be unpacked ({type(error).__name__}).") from error


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, whole: mmap.mmap) -> bytes:
    # What is stored as it is needs no reader: its bytes are a part of a file whose digest was checked.
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        return archive.read(entry)
    name, extra = (
        int.from_bytes(whole[entry.header_offset + at : entry.header_offset + at + 2], "little") for at in (26, 28)
    )
    start = entry.header_offset + _LOCAL_HEADER + name + extra
    if start + entry.file_size > len(whole):
        raise zipfile.BadZipFile("an entry ends after its archive")
    return whole[start : start + entry.file_size]
