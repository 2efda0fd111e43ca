"""Cached reads of app bundles and model cards from storage. Concurrent visitors share one read of a file."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, TypeVar

from sealgrid.bundle.input_spec import InputSpec
from sealgrid.bundle.manifest import Manifest
from sealgrid.bundle.verify import VerifiedBundle, verify_bundle
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import BundleRefused, SealgridError
from sealgrid.sdk.model_cards import CardSubject, ModelCard, read_card
from sealgrid.sdk.operations.changelog import CHANGELOG, MAX_CHANGELOG
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest
from sealgrid.web.html.templates import MAX_README

MAX_BUNDLE: Final = 16 << 20  #: bytes of a bundle that a page reads; the page of a larger app has no readme
MAX_SEALED_MODEL: Final = 64 << 20  #: bytes of a sealed file that a page reads for its card
MAX_ENTRIES: Final = 256  #: of each cache
CARD_SECONDS: Final = 3600.0  #: after which a card is read again: its owner may have removed the file
README: Final = "README.md"
MAX_EXAMPLE: Final = 1 << 20  #: bytes of an app's example input; a larger one is not offered
K = TypeVar("K")
V = TypeVar("V")


class SharedReads(Generic[K, V]):
    """The latest ``limit`` reads, finished or pending, each for ``seconds`` seconds of ``clock``.

    A failed read is removed, so the next request repeats it.
    """

    def __init__(self, limit: int, seconds: float = math.inf, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._reads: dict[K, asyncio.Task[V]] = {}
        self._started: dict[K, float] = {}

    async def get(self, key: K, read: Callable[[], Coroutine[object, object, V]]) -> V:
        """Return the result of the key's read, started by the first caller; raise what it raised."""
        if key in self._reads and self._clock() - self._started[key] >= self._seconds:
            self._remove(key)
        if key not in self._reads:
            while len(self._reads) >= self._limit:
                self._remove(next(iter(self._reads)))
            self._reads[key], self._started[key] = asyncio.create_task(read()), self._clock()
            self._reads[key].add_done_callback(lambda done: self._remove_failed(key, done))
        return await asyncio.shield(self._reads[key])  # a caller that disconnects must not cancel the others' read

    def forget(self, matches: Callable[[K], bool]) -> None:
        """Remove the reads whose keys match."""
        for key in [key for key in self._reads if matches(key)]:
            self._remove(key)

    def _remove_failed(self, key: K, done: asyncio.Task[V]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._reads.get(key) is done:
            self._remove(key)

    def _remove(self, key: K) -> None:
        del self._reads[key], self._started[key]


@dataclass(frozen=True, slots=True)
class AppDetails:
    """A verified manifest, the readme, the example input and the changelog; empty if the bundle has none."""

    manifest: Manifest
    readme: str
    example: bytes = b""
    changelog: str = ""


class AppBundles:
    """Reads each app's bundle from storage once, and verifies it against the app's digest on the chain."""

    def __init__(self, storage: RemoteFiles, *, entries: int = MAX_ENTRIES) -> None:
        self._storage = storage
        # The address is part of the key: registering a known digest with a bad address must not hide the good bundle.
        self._reads = SharedReads[tuple[str, Digest], AppDetails | None](entries)

    async def details(self, multiaddr: str, app_digest: Digest) -> AppDetails | None:
        """Return an app's manifest and its public files; None for a bundle that is missing, large or invalid."""
        try:
            return await self._reads.get((multiaddr, app_digest), lambda: self._read(multiaddr, app_digest))
        except (SealgridError, ValueError):
            return None

    async def _read(self, multiaddr: str, app_digest: Digest) -> AppDetails | None:
        archive = await self._storage.get_bytes(digest_of_cid(multiaddr.removeprefix("/ipfs/")), MAX_BUNDLE)
        try:
            bundle = await asyncio.to_thread(verify_bundle, archive, app_digest)
        except BundleRefused:
            return None
        readme = bundle.files.get(README, b"")[:MAX_README].decode(errors="replace")
        changelog = bundle.files.get(CHANGELOG, b"")[:MAX_CHANGELOG].decode(errors="replace")
        return AppDetails(bundle.manifest, readme, _example(bundle), changelog)


def _example(bundle: VerifiedBundle) -> bytes:
    inputs = bundle.manifest.inputs
    path = inputs.files.example if isinstance(inputs, InputSpec) and inputs.files else ""
    content = bundle.files.get(path, b"")
    return content if len(content) <= MAX_EXAMPLE else b""


class ModelCards:
    """Reads each model's card from its sealed file once, verified by its owner's signature or the file's digest."""

    def __init__(
        self, storage: RemoteFiles, clock: Callable[[], float] = time.monotonic, *, entries: int = MAX_ENTRIES
    ) -> None:
        self._storage = storage
        self._reads = SharedReads[tuple[Digest, CardSubject], ModelCard](entries, CARD_SECONDS, clock)

    async def card(self, checksum: Digest, subject: CardSubject) -> ModelCard | None:
        """Return a model's card, empty for none.

        None if its file is missing or does not verify, or is too large and its card is not signed.
        """
        read = partial(read_card, self._storage, checksum, subject, MAX_SEALED_MODEL)
        try:
            return await self._reads.get((checksum, subject), read)
        except SealgridError:
            return None

    def forget(self, checksum: Digest) -> None:
        """Remove the card of a file that was removed from the storage."""
        self._reads.forget(lambda key: key[0] == checksum)
