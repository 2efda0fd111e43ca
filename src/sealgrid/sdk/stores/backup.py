"""Back up keystores, model keys and result keys into one private zip file, and restore them."""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from sealgrid.errors import InputRefused
from sealgrid.sdk.stores.home import Home
from sealgrid.sdk.stores.private_files import write_private

_ENTRY = re.compile(r"([a-z]+)/([A-Za-z0-9_-]+\.json)")


@dataclass(frozen=True, slots=True)
class BackupContents:
    """Files of a backup that were written, and those that were not."""

    written: tuple[Path, ...]
    conflicts: tuple[Path, ...]  #: existing files with other content; they were not changed


def back_up(home: Home, target: Path) -> tuple[Path, ...]:
    """Write a zip file of mode 0600 and return the paths that it contains.

    Keystores stay encrypted; model and result keys are in plain text, so the backup is as secret as they are.
    Raises InputRefused when the file exists, cannot be written, or there is nothing to back up.
    """
    files = [path for folder in home.precious for path in sorted(folder.glob("*.json"))]
    paths = tuple(path for path in files if _ENTRY.fullmatch(f"{path.parent.name}/{path.name}"))
    if not paths:
        raise InputRefused(f"there is nothing to back up in {home.jobs.parent}.", money="")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
        for path in paths:
            writing.write(path, f"{path.parent.name}/{path.name}")
    try:
        write_private(target, archive.getvalue(), replace=False)
    except FileExistsError as error:
        raise InputRefused(f"{target} exists already; give another file.", money="") from error
    except OSError as error:
        raise InputRefused(f"{target} cannot be written ({error.strerror}).", money="") from error
    return paths


def restore(home: Home, source: Path) -> BackupContents:
    """Write the missing files of a backup; nothing is overwritten.

    Raises InputRefused for a file that is not a backup, before anything is written.
    """
    written, conflicts = [], []
    for path, content in _read(home, source):
        try:
            write_private(path, content, replace=False)
            written.append(path)
        except FileExistsError:
            if path.read_bytes() != content:
                conflicts.append(path)
        except OSError as error:
            raise InputRefused(f"{path} cannot be written ({error.strerror}).", money="") from error
    return BackupContents(tuple(written), tuple(conflicts))


def _read(home: Home, source: Path) -> list[tuple[Path, bytes]]:
    folders = {folder.name: folder for folder in home.precious}
    try:
        with zipfile.ZipFile(source) as archive:
            found = [(_ENTRY.fullmatch(entry.filename), archive.read(entry)) for entry in archive.infolist()]
    except OSError as error:
        raise InputRefused(f"{source} cannot be read ({error.strerror}).", money="") from error
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError) as error:
        raise InputRefused(f"{source} is not a backup or is damaged; nothing was restored.", money="") from error
    if any(name is None or name[1] not in folders for name, _ in found):
        raise InputRefused(f"{source} contains files that no backup has; nothing was restored.", money="")
    return [(folders[name[1]] / name[2], content) for name, content in found if name is not None]
