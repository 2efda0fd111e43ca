"""Where this machine's Unix sockets are: the path of one has at most 107 bytes (unix(7))."""

import os
import tempfile
from pathlib import Path
from typing import Final

MAX_SOCKET_PATH: Final = 107  #: bytes
_BELOW: Final = 37  #: bytes that a folder and a socket in it add


def temporary_folder() -> Path:
    """Return the user's temporary folder, or ``/tmp`` where the path of a socket below it would be too long."""
    named = tempfile.gettempdir()
    fits = len(os.fsencode(named)) <= MAX_SOCKET_PATH - _BELOW
    return Path(named if fits else "/tmp")  # noqa: S108  callers make private folders below it
