"""What owners say of their models, read once from each sealed file, which is checked whole."""

from sealgrid.errors import SealgridError
from sealgrid.sdk.model_cards import read_card
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Digest
from sealgrid.web.shared_reads import SharedReads

MOST_SEALED = 64 << 20  #: bytes of a sealed file that a page reads for its card
MOST_KEPT = 256


class ModelCards:
    """Reads cards from the storage, once each."""

    def __init__(self, storage: RemoteFiles) -> None:
        self._storage = storage
        self._readings = SharedReads[Digest, str](MOST_KEPT)

    async def card(self, checksum: Digest) -> str | None:
        """Return a model's card, empty for none; None when its file is not there, too large, or another one."""
        try:
            if await self._storage.size(checksum) > MOST_SEALED:
                return None
            return await self._readings.once(checksum, lambda: read_card(self._storage, checksum, MOST_SEALED))
        except SealgridError:
            return None
