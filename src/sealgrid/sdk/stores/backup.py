"""Copy everything that nobody else has into one private file, and back."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sealgrid.errors import InputRefused
from sealgrid.sdk.stores.home import Home
from sealgrid.sdk.stores.private_files import write_private

_ENTRY = re.compile(r"([a-z]+)/([A-Za-z0-9_-]+\.json)")


@dataclass(frozen=True, slots=True)
class BackupContents:
    """What came back from a backup."""

    written: tuple[Path, ...]
    left: tuple[Path, ...]  #: other content lies under that name here; it was left as it is


def back_up(place: Home, target: Path) -> tuple[Path, ...]:
    """Write a backup, a zip file of mode 0600, and return what is in it.

    Keystores stay locked by their passwords; the other keys are in the clear, so the file is as secret as they are.
    Raises InputRefused when the file exists, cannot be written, or there is nothing to back up.
    """
    kept, archive = tuple(_kept(place)), io.BytesIO()
    if not kept:
        raise InputRefused(f"there is nothing to back up in {place.jobs.parent}.", money="")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
        for path in kept:
            writing.write(path, f"{path.parent.name}/{path.name}")
    try:
        write_private(target, archive.getvalue(), replace=False)
    except FileExistsError as error:
        raise InputRefused(f"{target} is there already; give another file.", money="") from error
    except OSError as error:
        raise InputRefused(f"{target} cannot be written ({error.strerror}).", money="") from error
    return kept


def restore(place: Home, source: Path) -> BackupContents:
    """Put back what a backup holds and is not here; nothing is overwritten.

    Raises InputRefused for a file that is no backup, before anything is written.
    """
    written, left = [], []
    for path, content in _read(place, source):
        try:
            write_private(path, content, replace=False)
            written.append(path)
        except FileExistsError:
            if path.read_bytes() != content:
                left.append(path)
        except OSError as error:
            raise InputRefused(f"{path} cannot be written ({error.strerror}).", money="") from error
    return BackupContents(tuple(written), tuple(left))


def _kept(place: Home) -> Iterator[Path]:
    for folder in place.precious:
        yield from sorted(path for path in folder.glob("*.json") if _ENTRY.fullmatch(f"{folder.name}/{path.name}"))


def _read(place: Home, source: Path) -> list[tuple[Path, bytes]]:
    folders = {folder.name: folder for folder in place.precious}
    try:
        with zipfile.ZipFile(source) as archive:
            found = [(_ENTRY.fullmatch(entry.filename), archive.read(entry)) for entry in archive.infolist()]
    except OSError as error:
        raise InputRefused(f"{source} cannot be read ({error.strerror}).", money="") from error
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError) as error:
        raise InputRefused(f"{source} is no backup, or is damaged; nothing was restored.", money="") from error
    if any(name is None or name[1] not in folders for name, _ in found):
        raise InputRefused(f"{source} holds other things than a backup does; nothing was restored.", money="")
    return [(folders[name[1]] / name[2], content) for name, content in found if name is not None]
