"""What anyone says to a storage node: files by the digest of their content, nothing else."""

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import ServiceUnavailable
from sealgrid.units import Digest
from sealgrid.wire.message import Message, Transport, call

PIECE_BYTES = 1 << 20  #: files travel in pieces of this size, so no part ever holds a whole one


class Stored(Message, frozen=True, kw_only=True):
    """A file that the node holds."""

    sha256: Digest
    cid: str
    size: int  #: bytes


class Upload(Message, frozen=True, kw_only=True):
    """An upload that is going on."""

    upload: str


def location(sha256: Digest) -> str:
    """Return the address of a file's content, as it stands on the chain: ``/ipfs/<cid>``."""
    return f"/ipfs/{cid_of(sha256)}"


class StorageClient:
    """Speak to a storage node; every read says which digest it wants, and the reader checks it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def begin(self) -> str:
        """Start an upload; return its name."""
        return (await call(self._transport, "POST", "/uploads", None, Upload)).upload

    async def append(self, upload: str, piece: bytes) -> None:
        """Add one piece, at most PIECE_BYTES."""
        await self._transport.request("PATCH", f"/uploads/{upload}", piece)

    async def finish(self, upload: str) -> Stored:
        """End an upload; the file is stored under its digest."""
        return await call(self._transport, "POST", f"/uploads/{upload}/end", None, Stored)

    async def put(self, content: bytes) -> Stored:
        """Store a file that fits in memory."""
        upload = await self.begin()
        for start in range(0, len(content), PIECE_BYTES):
            await self.append(upload, content[start : start + PIECE_BYTES])
        return await self.finish(upload)

    async def head(self, sha256: Digest) -> Stored:
        """Return a file's size; raise NotFound."""
        return await call(self._transport, "GET", f"/files/{sha256}", None, Stored)

    async def by_address(self, cid: str) -> bytes:
        """Return a small file by the content address that IPFS nodes give it, unverified; raise NotFound."""
        return await self._transport.request("GET", f"/ipfs/{cid}")

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return one piece of a file, unverified: whoever assembles the file checks its digest."""
        piece = await self._transport.request("GET", f"/files/{sha256}/{offset}/{length}")
        if len(piece) > length:
            raise ServiceUnavailable("the storage node answered more bytes than were asked for.")
        return piece
