"""The pinned modules that seal and open in a browser, served as their authors wrote them."""

import base64
import json
from pathlib import Path

from sealgrid.crypto.digests import sha256

_FOLDERS = {
    "noble-hashes": ".",
    "noble-curves": ".",
    "hpke-core": "esm",
    "hpke-common": "esm",
    "fflate": "esm",
}  #: each download, and where in it the modules for browsers are
_NAMES = {
    "@noble/hashes/": "/static/noble-hashes/",
    "@noble/curves/": "/static/noble-curves/",
    "@hpke/core": "/static/hpke-core/mod.js",
    "@hpke/common": "/static/hpke-common/mod.js",
    "fflate": "/static/fflate/browser.js",
}

#: What a page holds so that modules find each other by the names that their authors gave them.
MAP = json.dumps({"imports": _NAMES}, separators=(",", ":"))
MAP_HASH = base64.b64encode(sha256(MAP.encode())).decode()


def modules(libraries: Path) -> dict[str, bytes]:
    """Return the modules by their place below ``/static``."""
    return {
        f"{name}/{file.relative_to(libraries / name / folder).as_posix()}": file.read_bytes()
        for name, folder in _FOLDERS.items()
        for file in sorted((libraries / name / folder).rglob("*.js"))
    }
