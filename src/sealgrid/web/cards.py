"""What owners say of their models, read once from each sealed file, which is checked whole."""

from sealgrid.errors import SealgridError
from sealgrid.sdk.cards import card_of
from sealgrid.storage.remote import RemoteFiles
from sealgrid.units import Digest

MOST_SEALED = 64 << 20  #: bytes of a sealed file that a page reads for its card
MOST_KEPT = 256


class Cards:
    """Reads cards from the storage."""

    def __init__(self, storage: RemoteFiles) -> None:
        self._storage = storage
        self._known: dict[Digest, str] = {}

    async def card(self, checksum: Digest) -> str | None:
        """Return a model's card, empty for none; None when its file is not there, too large, or another one."""
        if checksum not in self._known:
            try:
                if await self._storage.size(checksum) > MOST_SEALED:
                    return None
                found = await card_of(self._storage, checksum, MOST_SEALED)
            except SealgridError:
                return None
            while len(self._known) >= MOST_KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[checksum] = found
        return self._known[checksum]
