"""Unpacks the zip of an app that a browser sent: regular files with plain paths, bounded, below one folder."""

import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

from sealgrid.bundle.archive import BROKEN, find_collision, is_regular, path_fault
from sealgrid.bundle.build import APP_FILE
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.build import WHEELS
from sealgrid.sdk.operations.fetch_wheels import LOCK, REQUIREMENTS, locked_wheels

MAX_FILES: Final = 2000
MAX_UNPACKED: Final = 512 << 20  #: bytes of all files together
_PIECE: Final = 1 << 20
_ADVICE: Final = (
    "run `sealgrid app lock DIR` in a terminal, which fetches them, and choose the folder again; "
    "or deploy it there: sealgrid app deploy DIR"
)
_SKIPPED: Final = frozenset({"__MACOSX", "__pycache__", ".git", ".DS_Store", ".venv", "node_modules"})


def unpack_app(content: bytes, target: Path, python: str) -> Path:
    """Unpack an app's zip below ``target``; return the folder with its app.toml, at the top or in the one folder there.

    Raises InputRefused for content that is not a zip, a file that is not regular or has an unsafe path, more than
    ``MAX_FILES`` files or ``MAX_UNPACKED`` bytes, no app.toml, and for requirements without a lock and its wheels for
    ``python`` ("3.13"): this server fetches no packages.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = _checked_entries(archive)
            top = _top_folder([entry.filename for entry in entries])
            left = MAX_UNPACKED
            for entry in entries:
                left = _unpack(archive, entry, target / entry.filename, left)
    except BROKEN as error:
        raise _refused("the file is not a valid zip archive") from error
    _check_requirements(target / top, python)
    return target / top


def _checked_entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    entries = [
        entry
        for entry in archive.infolist()
        if not entry.is_dir() and not _SKIPPED & set(PurePosixPath(entry.filename).parts)
    ]
    if len(entries) > MAX_FILES:
        raise _refused(f"the app has {len(entries)} files, and at most {MAX_FILES} are taken")
    for entry in entries:
        if not is_regular(entry):
            raise _refused(f"{entry.filename[:80]!r} is a link, is encrypted, or is not a regular file")
        if fault := path_fault(entry.filename):
            raise _refused(f"the path {entry.filename[:80]!r} {fault}")
    if collision := find_collision(entry.filename for entry in entries):
        raise _refused(f"{collision[:80]!r} is in the archive twice, or differs from another path in its case only")
    return entries


def _top_folder(paths: list[str]) -> str:
    """Return the folder of the app.toml: the top, or the only folder there."""
    if APP_FILE in paths:
        return ""
    tops = {PurePosixPath(path).parts[0] for path in paths}
    if len(tops) == 1 and f"{(top := tops.pop())}/{APP_FILE}" in paths:
        return top
    raise _refused(f"there is no {APP_FILE} at the top of the app")


def _check_requirements(folder: Path, python: str) -> None:
    listed, lock = folder / REQUIREMENTS, folder / LOCK
    if lock.is_file() and locked_wheels(lock.read_text(errors="replace"), folder / WHEELS, python) is None:
        raise _refused(
            f"{LOCK} pins packages whose wheels for Python {python} are not all in the folder {WHEELS}; {_ADVICE}"
        )
    if listed.is_file() and not lock.is_file():
        raise _refused(f"this page fetches no packages, and the app has a {REQUIREMENTS} without a {LOCK}; {_ADVICE}")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: Path, left: int) -> int:
    """Write one file; return how many of the ``left`` bytes are left for the others."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, file.open("xb") as out:
        while piece := source.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise _refused(f"the app has more than {MAX_UNPACKED >> 20} MiB unpacked")
            out.write(piece)
    return left


def _refused(reason: str) -> InputRefused:
    return InputRefused(f"{reason}. Nothing was deployed.", money="")
