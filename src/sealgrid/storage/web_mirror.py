"""Read-only copies of files at a web server, object store or IPFS gateway, over a transport without redirects."""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import AnswerTooLarge, FileTooLarge, InputRefused, NotFound, ServiceUnavailable
from sealgrid.storage.node_calls import MirroredFile
from sealgrid.units import Digest


class WebTransport(Protocol):
    """Interface of ``sealgrid.wire.http_transport.HttpTransport``; rooms of one layer do not import each other."""

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the body of the answer, of bounded size; raise the error in the answer."""

    async def content_length(self, path: str) -> int:
        """Return the size in bytes that the server reports for a path."""


class WebMirror:
    """Files at the URL of a mirror, named by hex digits, or by CIDv1 where the URL of a web server ends in ``/ipfs``.

    Callers verify the digest of what they read.
    """

    def __init__(self, url: str, transport: WebTransport) -> None:
        self.url, self._transport = url, transport
        parts = urlsplit(url)
        self._is_gateway = parts.scheme in {"http", "https"} and parts.path.rstrip("/").endswith("/ipfs")

    async def head(self, sha256: Digest) -> MirroredFile:
        """Return the file's digest and size; raise NotFound."""
        name = self._name(sha256)
        try:
            return MirroredFile(sha256, await self._transport.content_length(f"/{name}"))
        except InputRefused as error:
            raise self._refused(name, error) from error

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes of the file; raise NotFound."""
        return await self._read(self._name(sha256), offset, length)

    async def read_by_cid(self, cid: str, limit: int) -> bytes:
        """Return at most ``limit`` + 1 bytes of a file by its CID, unverified; only a gateway has such names."""
        if not self._is_gateway or not cid.isalnum():
            raise NotFound(f"{self.url} has no file of the CID {cid[:80]!r}.")
        try:
            return await self._read(cid, 0, limit + 1)
        except AnswerTooLarge as error:
            raise FileTooLarge(f"the file {cid} is larger than the limit of {limit} bytes.") from error

    async def _read(self, name: str, offset: int, length: int) -> bytes:
        headers = {"range": f"bytes={offset}-{offset + length - 1}", "accept-encoding": "identity"}
        try:
            content = await self._transport.request("GET", f"/{name}", headers=headers)
        except InputRefused as error:
            raise self._refused(name, error) from error
        if len(content) > length and offset:
            raise ServiceUnavailable(f"{self.url} does not answer ranges.")
        return content[:length]  # a server may ignore the range of a small file

    def _refused(self, name: str, error: InputRefused) -> NotFound:
        # 401, 403 and redirects: not followed, since a network file could lead its readers anywhere
        return NotFound(f"{self.url} does not give the file {name}: {error.reason}")

    def _name(self, sha256: Digest) -> str:
        return cid_of(sha256) if self._is_gateway else sha256.removeprefix("0x")
