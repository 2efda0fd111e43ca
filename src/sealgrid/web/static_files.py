"""Static files of the pages: our scripts and styles, pinned third-party modules, and the import map that names them."""

import base64
import json
from pathlib import Path
from typing import Final
from urllib.parse import quote

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.bundle.media_types import tables
from sealgrid.crypto.digests import sha256
from sealgrid.errors import NotFound
from sealgrid.sdk.operations.other_formats import magic_numbers

_STATIC = Path(__file__).with_name("static")
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MODULE_FOLDERS = {
    "noble-hashes": ".",
    "noble-curves": ".",
    "hpke-core": "esm",
    "hpke-common": "esm",
    "fflate": "esm",
}  #: each download, and the folder in it that has the modules for browsers
_IMPORTS = {
    "@noble/hashes/": "noble-hashes/",
    "@noble/curves/": "noble-curves/",
    "@hpke/core": "hpke-core/mod.js",
    "@hpke/common": "hpke-common/mod.js",
    "fflate": "fflate/browser.js",
}  #: module specifiers of the packages, and their paths below ``/static``

#: The import map of every page, inline; the content security policy allows it by its hash.
IMPORT_MAP: Final = json.dumps(
    {"imports": {name: f"/static/{path}" for name, path in _IMPORTS.items()}}, separators=(",", ":")
)
IMPORT_MAP_HASH: Final = base64.b64encode(sha256(IMPORT_MAP.encode())).decode()


def media_type_tables() -> str:
    """Return the script with the tables by which the pages' scripts recognise a file: those of the SDK."""
    return (
        f"export const TABLES = {json.dumps(tables())};\nexport const MAGIC_NUMBERS = {json.dumps(magic_numbers())};\n"
    )


def import_map_on_disk(libraries: Path) -> dict[str, str]:
    """Return the import map with file URLs, ``/static/`` included: for running the scripts outside a browser."""
    script = quote(media_type_tables())
    imports = {
        "./media_type_tables.js": f"data:text/javascript,{script}",
        "/static/": f"{_STATIC.as_uri()}/",
    }
    for name, path in _IMPORTS.items():
        library, _, rest = path.partition("/")
        imports[name] = f"{(libraries / library / _MODULE_FOLDERS[library]).resolve().as_uri()}/{rest}"
    return imports


def handlers(libraries: Path) -> list[HTTPRouteHandler]:
    """Return the handler of ``/static``; ``libraries`` is the folder of the pinned downloads."""
    files = {
        file.name: (file.read_bytes(), _MEDIA_TYPES[file.suffix])
        for file in _STATIC.iterdir()
        if file.suffix in _MEDIA_TYPES
    }
    for library, folder in _MODULE_FOLDERS.items():
        root = libraries / library / folder
        for file in sorted(root.rglob("*.js")):
            path = f"{library}/{file.relative_to(root).as_posix()}"
            files[path] = file.read_bytes(), _MEDIA_TYPES[".js"]
    files["media_type_tables.js"] = media_type_tables().encode(), _MEDIA_TYPES[".js"]
    files["htmx.js"] = (libraries / "htmx" / "dist" / "htmx.min.js").read_bytes(), _MEDIA_TYPES[".js"]
    files["sse.js"] = (libraries / "htmx-sse" / "dist" / "sse.js").read_bytes(), _MEDIA_TYPES[".js"]

    @get("/static/{name:path}")
    async def static(name: FromPath[str]) -> Response[bytes]:
        if name.removeprefix("/") not in files:
            raise NotFound("there is no such file.", money="")
        content, media_type = files[name.removeprefix("/")]
        return Response(content, media_type=media_type, headers={"cache-control": "max-age=300"})

    return [static]
