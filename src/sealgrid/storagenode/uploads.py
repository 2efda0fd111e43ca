"""The uploads that are going on: each has a name that only its uploader knows, and a clock."""

import asyncio
import secrets
from dataclasses import dataclass, field

from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable
from sealgrid.storage.folder import Folder, Incoming
from sealgrid.units import Digest
from sealgrid.wire.storage import PIECE_BYTES

EMPTY_SECONDS = 10.0  #: an upload without a piece is removed after so long


@dataclass(slots=True)
class _Upload:
    incoming: Incoming
    touched: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # pieces of one upload never interleave


class Uploads:
    """Open uploads into one folder; every ``now`` is a monotonic clock in seconds."""

    def __init__(self, folder: Folder, *, silence: float, at_most: int) -> None:
        self._folder, self._silence, self._at_most = folder, silence, at_most
        self._open: dict[str, _Upload] = {}

    def begin(self, now: float) -> str:
        """Start an upload; return its name.

        When too many are open an idle one makes room, first those that are empty, then those silent the longest;
        raise ServiceUnavailable when every one is being written to.
        """
        if len(self._open) >= self._at_most:
            self._make_room()
        name = secrets.token_hex(16)
        self._open[name] = _Upload(self._folder.begin(), now)
        return name

    async def append(self, name: str, piece: bytes, now: float) -> None:
        """Write a piece; an upload that a limit or the disk refused is removed whole."""
        if len(piece) > PIECE_BYTES:
            raise InputRefused(f"a piece has at most {PIECE_BYTES} bytes; send several.")
        upload = self._find(name)
        async with upload.lock:
            upload.touched = now
            try:
                await asyncio.to_thread(upload.incoming.write, piece)
            except BaseException:
                self._drop(name)
                raise

    async def finish(self, name: str) -> tuple[Digest, int]:
        """Store the file durably; return its digest and bytes."""
        upload = self._find(name)
        async with upload.lock:
            size = upload.incoming.size
            try:
                digest = await asyncio.to_thread(upload.incoming.store)
            finally:
                self._drop(name)
        return digest, size

    def sweep(self, now: float) -> int:
        """Remove uploads that fell silent; return how many."""
        silent = [name for name, upload in self._open.items() if self._is_silent(upload, now)]
        for name in silent:
            self._drop(name)
        return len(silent)

    def close(self) -> None:
        """Remove every open upload."""
        for name in list(self._open):
            self._drop(name)

    def _make_room(self) -> None:
        idle = [(name, upload) for name, upload in self._open.items() if not upload.lock.locked()]
        if not idle:
            raise ServiceUnavailable(f"{self._at_most} uploads are open; try again in a minute.")
        name, _ = min(idle, key=lambda each: (each[1].incoming.size > 0, each[1].touched))
        self._drop(name)

    def _is_silent(self, upload: _Upload, now: float) -> bool:
        patience = self._silence if upload.incoming.size else min(EMPTY_SECONDS, self._silence)
        return now - upload.touched > patience and not upload.lock.locked()

    def _find(self, name: str) -> _Upload:
        if name not in self._open:
            raise NotFound("no such upload is open; start again: silent uploads are removed.")
        return self._open[name]

    def _drop(self, name: str) -> None:
        upload = self._open.pop(name, None)
        if upload is not None:
            upload.incoming.discard()
