"""Fetch files through the worker, which is untrusted, and store files with it."""

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from itertools import islice
from pathlib import Path

from sealgrid.bundle.wheel_unpacker import PrivateCopy
from sealgrid.errors import AppFailed, HostFailed, SealgridError
from sealgrid.units import Digest, to_digest
from sealgrid.wire.relay import RelayClient

BUNDLE = "bundle"  #: names the app's bundle, which is verified against the locked app digest
PIECE_BYTES = 160 << 10  #: a Unix socket takes it in one write; asyncio copies the rest of a larger piece repeatedly
_AHEAD = 4
_BATCH = 8  #: pieces that a thread handles in one call
_NO_END = 1 << 62
MAX_BUNDLE_BYTES = 256 << 20


async def copy(relay: RelayClient, sha256: Digest, target: Path, most: int = _NO_END) -> PrivateCopy:
    """Write the enclave's own copy of a file and return its hash, which is unverified.

    ``target`` must not exist. Bytes after ``most`` are hashed and not written.
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

    Raises HostFailed when the bytes do not have the digest ``sha256``. Raises AppFailed when they have, and are more
    than ``most``: the digest proves that the file itself is too large, so the host cannot cause this.
    """
    if (await copy(relay, sha256, target, most + 1)).sha256 != sha256:
        target.unlink()
        raise HostFailed(f"the worker gave other bytes than the file {sha256}.")
    if target.stat().st_size > most:
        target.unlink()
        raise AppFailed(f"a file of this deal has more than {most} bytes.")
    return target


async def pour(relay: RelayClient, sha256: Digest, take: Callable[[list[bytes]], None], most: int = _NO_END) -> None:
    """Give the bytes of a file to ``take`` in a thread, batch by batch, and verify them at the end.

    Raises as ``fetch`` does. Until this returns, the bytes are unverified: the caller must not use what it made of
    them. A SealgridError of ``take`` is raised last, since it says nothing unless the digest proves the bytes.
    """
    digest, size, failure = hashlib.sha256(), 0, None
    async for batch in batches(relay, sha256, _NO_END):
        for piece in batch:
            digest.update(piece)
            size += len(piece)
        if failure is None and size <= most:
            try:
                await asyncio.to_thread(take, batch)
            except SealgridError as error:
                failure = error
    if to_digest(digest.digest()) != sha256:
        raise HostFailed(f"the worker gave other bytes than the file {sha256}.")
    if size > most:
        raise AppFailed(f"a file of this deal has more than {most} bytes.")
    if failure is not None:
        raise failure


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet; raise FileExistsError where another writer used its name."""
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
    """Store a file with the worker, under its digest."""
    upload = (await relay.call("begin")).decode()
    for start in range(0, len(content), PIECE_BYTES):
        await relay.call("append", path=upload, body=content[start : start + PIECE_BYTES])
    await relay.call("finish", path=upload)


async def batches(relay: RelayClient, path: str, end: int) -> AsyncIterator[list[bytes]]:
    """Yield a file's bytes before ``end``, in order, in batches of pieces; a shorter file ends earlier."""
    batch: list[bytes] = []
    async for piece in _pieces(relay, path, end):
        batch.append(piece)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def read(relay: RelayClient, path: str, start: int, end: int) -> bytes:
    """Return a file's bytes from ``start`` to ``end``, unverified; fewer where the file is shorter."""
    return b"".join([piece async for piece in _pieces(relay, path, end, start)])


async def _pieces(relay: RelayClient, path: str, end: int = _NO_END, start: int = 0) -> AsyncIterator[bytes]:
    # Requests the next pieces while the caller uses this one.
    offsets = iter(range(start, end, PIECE_BYTES))
    pending = deque(asyncio.create_task(_piece(relay, path, offset, end)) for offset in islice(offsets, _AHEAD))
    try:
        while pending and (piece := await pending.popleft()):
            if len(piece) < PIECE_BYTES:
                yield piece
                return
            pending.extend(asyncio.create_task(_piece(relay, path, offset, end)) for offset in islice(offsets, 1))
            yield piece
    finally:
        for task in pending:
            task.cancel()


async def _piece(relay: RelayClient, path: str, offset: int, end: int) -> bytes:
    return await relay.call("read", path=path, offset=offset, length=min(PIECE_BYTES, end - offset))
