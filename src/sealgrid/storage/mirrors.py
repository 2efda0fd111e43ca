"""The mirrors that a network file lists: which URLs are accepted, and how they are opened."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from sealgrid.errors import InputRefused
from sealgrid.storage.node_calls import FileReads
from sealgrid.storage.object_store import FOLDER, STORE_OPTIONS, STORE_SCHEMES, FolderMirror, object_address
from sealgrid.storage.web_mirror import WebMirror, WebTransport

WEB_SCHEMES: Final = frozenset({"http", "https"})
_OPTIONS: Final = frozenset[str]().union(*STORE_OPTIONS.values())

_log = logging.getLogger("sealgrid.storage")


async def open_mirrors(urls: Iterable[str], transport: Callable[[str], Awaitable[WebTransport]]) -> list[FileReads]:
    """Open the mirrors of a network file; one that does not open is left out, with a warning.

    ``transport`` returns a transport to the base URL of a web server. Nothing is sent before the first read.
    """
    mirrors: list[FileReads] = []
    for url in urls:
        try:
            check_mirror(url)
            if (scheme := urlsplit(url).scheme) == FOLDER:
                mirrors.append(FolderMirror(url))
            else:
                address = object_address(url) if scheme in STORE_SCHEMES else url
                mirrors.append(WebMirror(url, await transport(address)))
        except InputRefused as error:
            _log.warning("a mirror of the network file is left out: %s", error.message)
    return mirrors


def check_mirror(url: str, *, from_elsewhere: bool = False) -> None:
    """Raise InputRefused, without a password that the URL contains, unless it is that of a mirror.

    1. Its scheme is known, it has no user name or password, and a web server has a host.
    2. It has no other options than an object store needs without credentials; a web server and a folder have none.
    3. In a network file ``from_elsewhere``, web servers and endpoints use https.
    4. An object store's bucket, region, account and endpoint are valid.
    """
    parts = _split(url)
    shown = _shown(parts)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    endpoint = _split(options.get("endpoint", ""))
    is_web = parts.scheme in WEB_SCHEMES
    if parts.scheme not in WEB_SCHEMES | STORE_SCHEMES | {FOLDER} or (is_web and not parts.hostname):  # (1)
        known = ", ".join(sorted(WEB_SCHEMES | STORE_SCHEMES | {FOLDER}))
        raise InputRefused(f"{shown} is not the URL of a mirror; use one of these schemes: {known}.")
    if "@" in parts.netloc + endpoint.netloc:  # (1)
        raise InputRefused(
            f"the mirror {shown} has a user name or password in its URL; remove them: mirrors are public."
        )
    if not options.keys() <= (_OPTIONS if parts.scheme in STORE_SCHEMES else frozenset()) or parts.fragment:  # (2)
        raise InputRefused(
            f"the mirror {shown} has an unknown option; the URL may end with: {', '.join(sorted(_OPTIONS))}."
        )
    if from_elsewhere and "http" in {parts.scheme, endpoint.scheme}:  # (3)
        raise InputRefused(f"the mirror {shown} is not encrypted; a network file from elsewhere must use https.")
    if parts.scheme in STORE_SCHEMES:
        object_address(url)  # (4)


def _split(url: str) -> SplitResult:
    invalid = InputRefused("a mirror's URL is not valid.")  # it may contain a password
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise invalid
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for an invalid port
    except ValueError:
        raise invalid from None
    return parts


def _shown(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2]
    return repr(f"{parts.scheme}://{host}{parts.path}"[:80])
