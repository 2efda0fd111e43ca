"""Canonical zip archives, and the rules for paths inside archives.

The canonical form is sorted and stored, without times, owners or extra fields: equal files have one digest.
"""

import io
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping

_STAMP = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16
MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255
_END_BYTES = 22  #: of the record at the end of an archive without a comment (APPNOTE 4.3.16)
_MAX_ENTRY_BYTES = 46 + 2 * MAX_PATH_BYTES  #: of an entry in the list: its head, its name, and as much beside it


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of these files; equal files give equal bytes on every machine.

    Nothing is compressed: zlib's output differs between its versions.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            archive.writestr(file_entry(path), files[path])
    return target.getvalue()


def file_entry(path: str) -> zipfile.ZipInfo:
    """Return the header of a plain file in a canonical archive."""
    entry = zipfile.ZipInfo(path, _STAMP)
    entry.create_system = 3
    entry.external_attr = _REGULAR_FILE
    return entry


#: all exceptions of ``zipfile`` for bytes that are not a valid archive
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    KeyError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
)


def open_archive(content: bytes, most: int) -> zipfile.ZipFile:
    """Open an archive of at most ``most`` entries; raise one of ``BROKEN``.

    zipfile makes an object of each entry before its caller can count them: 46 bytes of a stranger become 600. The size
    of the list is read first, from where zipfile reads it; so an archive with a comment, or zip64, is not accepted.
    """
    end = content[-_END_BYTES:]
    if end[:4] != b"PK\5\6" or end[-2:] != b"\0\0" or content[-_END_BYTES - 20 :][:4] == b"PK\6\7":
        raise zipfile.BadZipFile("this archive does not end in a plain list of its entries")
    if int.from_bytes(end[12:16], "little") > most * _MAX_ENTRY_BYTES:
        raise zipfile.BadZipFile(f"this archive lists more than {most} entries")
    archive = zipfile.ZipFile(io.BytesIO(content))
    if len(archive.infolist()) > most:
        raise zipfile.BadZipFile(f"this archive lists more than {most} entries")
    return archive


def is_regular(entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry is a plain file: no folder, symbolic link, device, and not encrypted."""
    kind = entry.external_attr >> 16 & 0o170000
    return entry.filename != "" and not entry.is_dir() and kind in {0, 0o100000} and not entry.flag_bits & 1


def path_fault(path: str) -> str | None:
    """Return why a relative path is invalid, or None.

    A valid path has no empty, ``.`` or ``..`` component, is not absolute, has no backslash, drive colon, control
    character or lone surrogate, is in Unicode's form NFC and fits a Linux file system.
    """
    if not path or path.startswith("/"):
        return "is empty or absolute"
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return "has an empty, '.' or '..' component"
    if "\\" in path or path[1:2] == ":" or any(unicodedata.category(char) in {"Cc", "Cs"} for char in path):
        return "has a character that some systems interpret as another path"
    if unicodedata.normalize("NFC", path) != path:
        return "is not in Unicode's form NFC"
    if len(path.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_NAME_BYTES for part in path.split("/")):
        return "is too long"
    return None


def find_collision(paths: Iterable[str]) -> str | None:
    """Return the first path that equals another ignoring case, or is a file where another path has a folder."""
    spelled: dict[str, str] = {}  # folded prefix -> its spelling
    files: set[str] = set()
    for path in paths:
        parts = path.split("/")
        prefixes = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        folded = [prefix.casefold() for prefix in prefixes]
        if folded[-1] in spelled or any(prefix in files for prefix in folded):
            return path
        if any(spelled.setdefault(fold, prefix) != prefix for fold, prefix in zip(folded, prefixes, strict=True)):
            return path
        files.add(folded[-1])
    return None
