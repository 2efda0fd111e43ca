"""Gives text operators the locale that they name: the sandbox has C.UTF-8 alone, which treats letters alike.

The C library looks for a locale's folder below ``LOCPATH`` (newlocale(3)); here it is a link to that of C.UTF-8.
"""

import os
import re
import tempfile
from pathlib import Path

_INSTALLED = (Path("/usr/lib/locale/C.utf8"), Path("/usr/lib/locale/C.UTF-8"))
_MISSING = re.compile(r"[Ff]ailed to construct locale with name: ?([A-Za-z0-9_.@-]{1,64})")


def missing_locale(reason: str) -> str | None:
    """Return the locale that onnxruntime did not find, by its reason; None for another reason."""
    found = _MISSING.search(reason)
    return found[1] if found else None


def provide_locale(name: str) -> bool:
    """Make a locale of this name from C.UTF-8; return False where the machine has none."""
    source = next((folder for folder in _INSTALLED if folder.is_dir()), None)
    if source is None:
        return False
    folder = Path(os.environ.get("LOCPATH") or tempfile.mkdtemp(prefix="locale-"))
    os.environ["LOCPATH"] = str(folder)
    (folder / name).symlink_to(source)
    return True
