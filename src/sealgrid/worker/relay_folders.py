"""Temporary folders of a worker's jobs: each holds the socket of one enclave or app, and what an app writes.

They are below one folder for each worker, which the worker's next process removes: a process that was killed left it.
The path of a socket must be short, so the worker's own folder cannot hold them.
"""

import os
import shutil
import stat
import tempfile
from pathlib import Path

from sealgrid.crypto.digests import sha256
from sealgrid.wire.unix_sockets import temporary_folder

_PRIVATE = 0o700


def make_relay_folder(worker: Path) -> Path:
    """Return a new temporary folder for one job of the worker with this folder."""
    parent = _parent(worker)
    parent.mkdir(mode=_PRIVATE, exist_ok=True)
    if not _is_private(parent):  # anybody may have made a folder of this name first
        return Path(tempfile.mkdtemp(prefix="sealgrid-", dir=temporary_folder()))
    return Path(tempfile.mkdtemp(prefix="", dir=parent))


def remove_relay_folders(worker: Path) -> None:
    """Remove the temporary folders of all jobs of a worker, of which none runs."""
    if _is_private(_parent(worker)):
        shutil.rmtree(_parent(worker), ignore_errors=True)


def _parent(worker: Path) -> Path:
    return temporary_folder() / f"sealgrid-{sha256(str(worker.absolute()).encode()).hex()[:12]}"


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) == _PRIVATE
