"""Holds a folder for one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sealgrid.errors import InputRefused


@contextmanager
def hold_folder(folder: Path, refusal: str) -> Iterator[None]:
    """Hold a folder, made if it is missing; raise InputRefused with ``refusal`` while another process holds it.

    The lock ends with the process, however it ends.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InputRefused(f"{folder} cannot be used ({error.strerror}).", money="") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputRefused(refusal, money="") from error
        yield
    finally:
        os.close(descriptor)
