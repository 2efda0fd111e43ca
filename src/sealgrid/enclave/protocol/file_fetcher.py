"""Fetch files through the worker and keep only what hashes to the digest that was asked for."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path

from sealgrid.bundle.wheel_unpacker import PrivateCopy
from sealgrid.errors import AppFailed, HostFailed
from sealgrid.units import Digest, to_digest
from sealgrid.wire.relay import RelayClient

BUNDLE = "bundle"  #: names the app's bundle, whose own verification follows from the locked app digest
PIECE_BYTES = 160 << 10  #: what a Unix socket takes at once; asyncio moves the rest of larger ones again and again
_AHEAD = 4
_BATCH = 8  #: pieces for which a thread is worth its call
_NO_END = 1 << 62
MAX_BUNDLE_BYTES = 256 << 20


async def copy(relay: RelayClient, sha256: Digest, target: Path, most: int = _NO_END) -> PrivateCopy:
    """Write the enclave's own copy of what the worker says is a file, and say what it hashes to.

    ``target`` must not exist. Bytes after ``most`` are hashed and not kept.
    """
    digest, written = hashlib.sha256(), 0
    with target.open("xb") as file:  # buffered: writes all of a piece, or raises
        async for piece in _pieces(relay, sha256):
            digest.update(piece)
            if written < most:
                written += file.write(piece)
    return PrivateCopy(target, to_digest(digest.digest()))


async def fetch(relay: RelayClient, sha256: Digest, target: Path, most: int = _NO_END) -> Path:
    """Write the enclave's own copy of a file to ``target``, which must not exist.

    Raises HostFailed when the bytes are not those of ``sha256``. Raises AppFailed when they are, and are more than
    ``most``: then it is the file that is too large, by its digest, and no machine could have made it so.
    """
    if (await copy(relay, sha256, target, most + 1)).sha256 != sha256:
        target.unlink()
        raise HostFailed(f"the worker gave other bytes than the file {sha256}.")
    if target.stat().st_size > most:
        target.unlink()
        raise AppFailed(f"a sealed file of this deal has more than {most} bytes.")
    return target


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet; raise FileExistsError where another writer took its name."""
    with path.open("xb") as file:
        file.write(content)


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


async def batches(relay: RelayClient, path: str, end: int) -> AsyncIterator[list[bytes]]:
    """Ask for a file's bytes before ``end``, in order, some pieces at once; a shorter file just ends sooner."""
    batch: list[bytes] = []
    async for piece in _pieces(relay, path, end):
        batch.append(piece)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def read(relay: RelayClient, path: str, start: int, end: int) -> bytes:
    """Return the bytes from ``start`` to ``end`` of what the worker says is a file; fewer where it has no more."""
    return b"".join([piece async for piece in _pieces(relay, path, end, start)])


async def _pieces(relay: RelayClient, path: str, end: int = _NO_END, start: int = 0) -> AsyncIterator[bytes]:
    # The next pieces are under way while this one is used: worker and enclave work at the same time.
    offsets = iter(range(start, end, PIECE_BYTES))
    coming = deque(asyncio.create_task(_piece(relay, path, offset, end)) for offset in islice(offsets, _AHEAD))
    try:
        while coming and (piece := await coming.popleft()):
            if len(piece) < PIECE_BYTES:
                yield piece
                return
            coming.extend(asyncio.create_task(_piece(relay, path, offset, end)) for offset in islice(offsets, 1))
            yield piece
    finally:
        for task in coming:
            task.cancel()


async def _piece(relay: RelayClient, path: str, offset: int, end: int) -> bytes:
    return await relay.ask("read", path=path, offset=offset, length=min(PIECE_BYTES, end - offset))
