"""Rules for names inside archives, the same for app bundles, wheels and results."""

import unicodedata
from collections.abc import Iterable

MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255


def fault_of(path: str) -> str | None:
    """Return what is wrong with a relative path, or None.

    A path is good when it has no empty, ``.`` or ``..`` component, is not absolute, holds no backslash, colon of a
    drive, control character or lone surrogate, is in Unicode's form NFC and fits a Linux file system.
    """
    if not path or path.startswith("/"):
        return "is empty or absolute"
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return "has an empty, '.' or '..' component"
    if "\\" in path or path[1:2] == ":" or any(unicodedata.category(char) in {"Cc", "Cs"} for char in path):
        return "holds a character that some systems read as another path"
    if unicodedata.normalize("NFC", path) != path:
        return "is not in Unicode's form NFC"
    if len(path.encode()) > MAX_PATH_BYTES or any(len(part.encode()) > MAX_NAME_BYTES for part in path.split("/")):
        return "is too long"
    return None


def collision_in(paths: Iterable[str]) -> str | None:
    """Return the first path that, letter case aside, is another path, or a file where another has a folder."""
    spelled: dict[str, str] = {}  # folded prefix -> its one spelling
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
