"""An app's changelog: the file CHANGELOG.md of its bundle, Markdown in the order of Keep a Changelog."""

import re
from typing import Final

from sealgrid.bundle.build import APP_FILE
from sealgrid.bundle.manifest import Manifest
from sealgrid.errors import InputRefused, SealgridError
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.manifests import app_file
from sealgrid.units import Address

CHANGELOG: Final = "CHANGELOG.md"
MAX_CHANGELOG: Final = 64 << 10  #: bytes; a longer one cannot be deployed and is not shown
MAX_ENTRY: Final = 200  #: characters of an entry in one line
_ENTRY: Final = re.compile(r"^##\s+(?!#)", re.MULTILINE)
_SUBHEADING: Final = re.compile(r"^###.*$", re.MULTILINE)
_LIST_MARK: Final = re.compile(r"^\s*[-*+]\s+", re.MULTILINE)


async def changelog_of(conn: Connection, app: Address) -> str:
    """Return an app's changelog, its developer's words; empty without one, and while its bundle cannot be read."""
    try:
        return (await app_file(conn, app, CHANGELOG, MAX_CHANGELOG)).decode(errors="replace")
    except SealgridError:
        return ""


def check_changelog(manifest: Manifest) -> bool:
    """Return whether an app has a changelog; raise InputRefused for one that is too long to be shown."""
    entry = next((each for each in manifest.files if each.path == CHANGELOG), None)
    if entry is not None and entry.size > MAX_CHANGELOG:
        raise InputRefused(f"{CHANGELOG} has {entry.size} bytes, and at most {MAX_CHANGELOG} are shown; shorten it.")
    return entry is not None


def without_changelog(name: str) -> str:
    """Return the warning about a new version that does not tell its buyers what changed."""
    return (
        f"warning: {name} is a new version without a changelog; to tell buyers what changed, add {CHANGELOG} to the "
        f"folder and to `files` in {APP_FILE}"
    )


def latest_entry(changelog: str) -> str:
    """Return the first entry of a changelog as one line of at most 200 characters; empty without an entry."""
    for entry in _ENTRY.split(changelog)[1:]:
        heading, _, body = entry.partition("\n")
        changes = " ".join(_LIST_MARK.sub("", _SUBHEADING.sub("", body)).split())
        if changes:  # an empty "Unreleased" is no entry
            text = f"{heading.strip()}: {changes}"
            return text if len(text) <= MAX_ENTRY else f"{text[: MAX_ENTRY - 1]}…"
    return ""
