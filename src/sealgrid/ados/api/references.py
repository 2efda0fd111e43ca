"""References to readings: ``data:`` URLs (RFC 2397), and URLs of origins that the operator allows.

Only allowed origins are fetched, and no redirect is followed: else a client could let the API ask any host of its
network.
"""

import asyncio
import base64
import binascii
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes, urlsplit

import httpx

from sealgrid.errors import FileTooLarge, InputRefused, ServiceUnavailable

FETCH_SECONDS = 30.0
_PLAIN = {"accept-encoding": "identity"}


class DataReferences:
    """Reads what references name, at most ``largest`` bytes."""

    def __init__(self, origins: Sequence[str], largest: int, client: httpx.AsyncClient) -> None:
        self._origins, self._largest, self._client = frozenset(origins), largest, client

    async def read(self, reference: str) -> bytes:
        """Return the content; raise InputRefused for another reference, FileTooLarge, or ServiceUnavailable."""
        if reference[:5].lower() == "data:":
            content = _inline(reference[5:])
            if len(content) > self._largest:
                raise self._too_large()
            return content
        try:
            parts = urlsplit(reference)
            origin = f"{parts.scheme}://{parts.netloc}"
        except ValueError:
            origin = ""
        if origin not in self._origins:
            allowed = ", ".join(sorted(self._origins)) or "none"
            raise InputRefused(f"data is no data: URL, and of no origin that this API reads; it reads: {allowed}.")
        return await self._fetch(reference)

    async def _fetch(self, url: str) -> bytes:
        content = bytearray()
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),  # of the whole; the client's own is of each step
                self._client.stream(
                    "GET", url, timeout=FETCH_SECONDS, headers=_PLAIN, follow_redirects=False
                ) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise InputRefused(f"data cannot be read: its host answers {answer.status_code}.")
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise InputRefused("data cannot be read: its host sends them compressed, which was not asked for.")
                async for piece in answer.aiter_raw():  # unpacked, a few kilobytes could be gigabytes
                    content += piece
                    if len(content) > self._largest:
                        raise self._too_large()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise ServiceUnavailable(f"data cannot be read ({type(error).__name__}); try again.") from error
        return bytes(content)

    def _too_large(self) -> FileTooLarge:
        return FileTooLarge(f"data have more than {self._largest} bytes; split them.")


def _inline(rest: str) -> bytes:
    """Return the content of a ``data:`` URL without its scheme."""
    header, comma, body = rest.partition(",")
    if not comma:
        raise InputRefused("the data: URL has no comma; write data:text/csv;base64,….")
    content = unquote_to_bytes(body)
    if not header.lower().endswith(";base64"):
        return content
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputRefused("the data: URL is no base64.") from error
