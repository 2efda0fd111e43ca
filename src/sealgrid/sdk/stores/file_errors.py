"""Explains errors of the file system in one sentence with the way on: another user's folder, read-only, full."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from sealgrid.errors import InputRefused

_UNUSABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_OTHER_FOLDER = "choose a folder of yours with --home DIR or SEALGRID_HOME"


def file_error(error: OSError) -> InputRefused | None:
    """Return the error for people; None for one that the user's files and folders did not cause."""
    if error.filename is None:
        return None
    path = Path(os.fsdecode(error.filename))
    if error.errno in _UNUSABLE:
        return InputRefused(f"{path} cannot be used ({error.strerror}{_owner(path)}); {_OTHER_FOLDER}.")
    if error.errno in _FULL:
        return InputRefused(f"{path} cannot be written ({error.strerror}); free some space, or {_OTHER_FOLDER}.")
    return None


def _owner(path: Path) -> str:
    """Return words about the first existing folder that another user owns; empty if there is none."""
    for each in (path, *path.parents):
        with suppress(OSError):
            return "" if each.stat().st_uid == os.geteuid() else f"; {each} belongs to another user"
    return ""
