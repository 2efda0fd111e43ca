"""What an app says of itself: the manifest and the readme of its bundle, checked against its digest on the chain."""

import asyncio
from dataclasses import dataclass

from sealgrid.bundle.manifest import Manifest
from sealgrid.bundle.verify import verify_bundle
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import SealgridError
from sealgrid.storage.remote import RemoteFiles
from sealgrid.units import Digest

MOST_BUNDLE = 16 << 20  #: bytes of a bundle that a page reads; an app with a larger one is shown without a readme
MOST_KEPT = 256
README = "README.md"


@dataclass(frozen=True, slots=True)
class About:
    """A verified manifest, and the readme if the bundle has one."""

    manifest: Manifest
    readme: str


class Bundles:
    """Reads bundles from the storage, once each."""

    def __init__(self, storage: RemoteFiles) -> None:
        self._storage = storage
        self._known: dict[Digest, About] = {}

    async def about(self, multiaddr: str, app_digest: Digest) -> About | None:
        """Return what an app says of itself; None when its bundle is not there, too large, or another app's."""
        if app_digest not in self._known:
            try:
                about = await self._read(multiaddr, app_digest)
            except (SealgridError, ValueError):
                return None
            while len(self._known) >= MOST_KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[app_digest] = about
        return self._known[app_digest]

    async def _read(self, multiaddr: str, app_digest: Digest) -> About:
        archive = await self._storage.get_bytes(digest_of_cid(multiaddr.removeprefix("/ipfs/")), MOST_BUNDLE)
        bundle = await asyncio.to_thread(verify_bundle, archive, app_digest)
        return About(bundle.manifest, bundle.files.get(README, b"").decode(errors="replace"))
