"""What an app says of itself: the manifest and the readme of its bundle, checked against its digest on the chain."""

import asyncio
from dataclasses import dataclass

from sealgrid.bundle.manifest import Manifest
from sealgrid.bundle.verify import verify_bundle
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import BundleRefused, SealgridError
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest
from sealgrid.web.rendering import MOST_README
from sealgrid.web.shared_reads import SharedReads

MOST_BUNDLE = 16 << 20  #: bytes of a bundle that a page reads; an app with a larger one is shown without a readme
MOST_KEPT = 256
README = "README.md"


@dataclass(frozen=True, slots=True)
class AppDetails:
    """A verified manifest, and the readme if the bundle has one."""

    manifest: Manifest
    readme: str


class AppBundles:
    """Reads bundles from the storage, once each."""

    def __init__(self, storage: RemoteFiles) -> None:
        self._storage = storage
        # By the place too: whoever names a good app's digest and a bad place must not hide that app's readme.
        self._readings = SharedReads[tuple[str, Digest], AppDetails | None](MOST_KEPT)

    async def about(self, multiaddr: str, app_digest: Digest) -> AppDetails | None:
        """Return what an app says of itself; None when its bundle is not there, too large, or another app's."""
        try:
            return await self._readings.once((multiaddr, app_digest), lambda: self._read(multiaddr, app_digest))
        except (SealgridError, ValueError):
            return None

    async def _read(self, multiaddr: str, app_digest: Digest) -> AppDetails | None:
        archive = await self._storage.get_bytes(digest_of_cid(multiaddr.removeprefix("/ipfs/")), MOST_BUNDLE)
        try:
            bundle = await asyncio.to_thread(verify_bundle, archive, app_digest)
        except BundleRefused:
            return None
        return AppDetails(bundle.manifest, bundle.files.get(README, b"")[:MOST_README].decode(errors="replace"))
