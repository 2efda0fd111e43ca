"""One form of zip for what must have one digest: sorted, stored, without times, owners or extra fields."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

_STAMP = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of these files; equal files give equal bytes on every machine.

    Nothing is compressed: zlib's output differs between its versions.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files):
            archive.writestr(entry_of(path), files[path])
    return target.getvalue()


def entry_of(path: str) -> zipfile.ZipInfo:
    """Return the header of a plain file in such an archive."""
    entry = zipfile.ZipInfo(path, _STAMP)
    entry.create_system = 3
    entry.external_attr = _REGULAR_FILE
    return entry


#: everything that Python raises about bytes that are no archive, or no sound one
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


def is_regular(entry: zipfile.ZipInfo) -> bool:
    """Return whether an entry is a plain file: no folder, symbolic link, device, and not encrypted."""
    kind = entry.external_attr >> 16 & 0o170000
    return entry.filename != "" and not entry.is_dir() and kind in {0, 0o100000} and not entry.flag_bits & 1
