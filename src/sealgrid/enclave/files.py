"""Fetch files through the worker and keep only what hashes to the digest that was asked for."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from sealgrid.errors import HostFailed
from sealgrid.units import Digest, to_digest
from sealgrid.wire.relay import RelayClient

BUNDLE = "bundle"  #: names the app's bundle, whose own verification follows from the locked app digest
PIECE_BYTES = 4 << 20  #: below the relay's largest frame
MAX_BUNDLE_BYTES = 256 << 20


async def copy(relay: RelayClient, sha256: Digest, target: Path) -> None:
    """Write the enclave's own copy of what the worker says is a file; not yet held against its digest."""
    with target.open("wb") as file:
        async for piece in _pieces(relay, sha256):
            file.write(piece)


async def fetch(relay: RelayClient, sha256: Digest, target: Path) -> Path:
    """Write the enclave's own copy of a file; raise HostFailed when the bytes are not those of ``sha256``."""
    await copy(relay, sha256, target)
    with target.open("rb") as file:
        seen = await asyncio.to_thread(hashlib.file_digest, file, "sha256")
    if to_digest(seen.digest()) != sha256:
        target.unlink()
        raise HostFailed(f"the worker gave other bytes than the file {sha256}.")
    return target


async def fetch_bundle(relay: RelayClient) -> bytes:
    """Return the app's bundle, unverified."""
    parts = bytearray()
    async for piece in _pieces(relay, BUNDLE):
        parts += piece
        if len(parts) > MAX_BUNDLE_BYTES:
            raise HostFailed("the worker gave a bundle above the limit.")
    return bytes(parts)


async def store(relay: RelayClient, content: bytes) -> None:
    """Give a file to the worker, who stores it where its digest finds it."""
    upload = (await relay.ask("begin")).decode()
    for start in range(0, len(content), PIECE_BYTES):
        await relay.ask("append", path=upload, body=content[start : start + PIECE_BYTES])
    await relay.ask("finish", path=upload)


async def _pieces(relay: RelayClient, path: str) -> AsyncIterator[bytes]:
    # The next piece is under way while this one is used: worker and enclave work at the same time.
    offset, coming = 0, asyncio.create_task(_piece(relay, path, 0))
    try:
        while piece := await coming:
            offset += len(piece)
            if len(piece) == PIECE_BYTES:
                coming = asyncio.create_task(_piece(relay, path, offset))
                yield piece
            else:
                yield piece
                return
    finally:
        coming.cancel()


async def _piece(relay: RelayClient, path: str, offset: int) -> bytes:
    return await relay.ask("read", path=path, offset=offset, length=PIECE_BYTES)
