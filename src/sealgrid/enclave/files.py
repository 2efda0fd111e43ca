"""Fetch files through the worker and keep only what hashes to the digest that was asked for."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

from sealgrid.errors import HostFailed
from sealgrid.units import Digest, to_digest
from sealgrid.wire.relay import RelayClient
from sealgrid.wire.storage import PIECE_BYTES

BUNDLE = "bundle"  #: names the app's bundle, whose own verification follows from the locked app digest
MAX_BUNDLE_BYTES = 256 << 20


async def fetch(relay: RelayClient, sha256: Digest, target: Path) -> Path:
    """Write the enclave's own copy of a file; raise HostFailed when the bytes are not those of ``sha256``."""
    seen = hashlib.sha256()
    with target.open("wb") as file:
        async for piece in _pieces(relay, sha256):
            seen.update(piece)
            file.write(piece)
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
    offset = 0
    while True:
        piece = await relay.ask("read", path=path, offset=offset, length=PIECE_BYTES)
        if piece:
            yield piece
        offset += len(piece)
        if len(piece) < PIECE_BYTES:
            return
