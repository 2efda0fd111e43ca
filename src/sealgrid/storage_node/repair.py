"""Repair of a storage node: it fetches files that it should have and lacks (docs/protocol/storage.md, "Repair").

A node should have what its records say, although its disk lost it, and what apps and datasets on the chain name,
although it was down when others stored it. One file is fetched at a time, from the other nodes of the network, and
verified by its digest before it has its name.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final, Protocol

from sealgrid.errors import SealgridError, ServiceUnavailable
from sealgrid.storage.file_store import VerifyingReader
from sealgrid.storage.local_files import fetch_to_cache
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.storage_node.admission import AdmittedUpload, UploadAdmission
from sealgrid.storage_node.uploads import UploadStore
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.chain_view import AssetFile, AssetFiles

ROUND_SECONDS: Final = 3600.0  #: after a round that left nothing missing
RETRY_SECONDS: Final = 60.0  #: after another one
MAX_SILENCES: Final = 10  #: files in a row that no node answered about, after which a round ends
_log = logging.getLogger("sealgrid.storage")


class AssetQueries(Protocol):
    """Interface of ``sealgrid.wire.chain_view.ChainViewClient``."""

    async def asset_files(self, after: Address = ZERO_ADDRESS) -> AssetFiles:
        """Return a page of the files that assets name."""


class FileRepair:
    """What one node lacks, and how it gets that from ``others``."""

    def __init__(
        self, uploads: UploadStore, others: RemoteFiles, admission: UploadAdmission, chain: AssetQueries | None
    ) -> None:
        self._uploads, self._others, self._admission, self._chain = uploads, others, admission, chain
        self._missing = {"recorded": 0, "named": 0}
        self._silences = 0  # in a row

    def missing(self) -> Mapping[str, float]:
        """Return how many files were missing in the last round, or are in this one, by why they should be here."""
        return {kind: float(count) for kind, count in self._missing.items()}

    async def run(self) -> None:
        """Repair again and again, until cancelled."""
        while True:
            complete = await self.repair()
            if not complete:
                _log.warning("files are missing that no other node gives now: %s", self._missing)
            await asyncio.sleep(ROUND_SECONDS if complete else RETRY_SECONDS)

    async def repair(self) -> bool:
        """Fetch what is missing now; return whether the node has everything that it should have."""
        self._silences = 0
        try:
            await self._fetch_recorded()
            if self._chain is not None:
                await self._fetch_named(self._chain)
        except SealgridError as error:  # of the chain's view, or since no node answers
            _log.warning("repairing is put off: %s", error)
            return False
        return not any(self._missing.values())

    async def _fetch_recorded(self) -> None:
        present = set(await asyncio.to_thread(self._uploads.folder.digests))
        lost = [file for file in self._uploads.expected_files() if file not in present]
        self._missing["recorded"] = len(lost)
        for file in lost:
            if await self._has_fetched_recorded(file):
                self._missing["recorded"] -= 1

    async def _fetch_named(self, chain: AssetQueries) -> None:
        missing: set[Digest] = set()
        after: Address | None = ZERO_ADDRESS
        while after is not None:
            page = await chain.asset_files(after)
            for each in page.files:
                if self._uploads.lacks(each.sha256) and each.sha256 not in missing:
                    missing.add(each.sha256)
                    self._missing["named"] = len(missing)
                    if await self._has_fetched_named(each):
                        missing.remove(each.sha256)
            after = page.after
        self._missing["named"] = len(missing)

    async def _has_fetched_recorded(self, file: Digest) -> bool:
        """Fetch a file of the records, which kept its room; return whether it is here or is not needed any more."""
        folder, holds = self._uploads.folder, self._uploads.quotas.holds(file)
        if not holds:  # removed since
            return True
        try:
            await fetch_to_cache(file, self._others, folder, limit=max(hold.size for hold in holds))
        except SealgridError as error:
            return self._failed(file, error)
        if not self._uploads.quotas.holds(file):  # removed meanwhile
            folder.remove(file)
        return self._fetched(file)

    async def _has_fetched_named(self, named: AssetFile) -> bool:
        """Fetch a file that an asset names, as an upload of the asset's owner; return whether it is here."""
        uploads = self._uploads

        async def store(copy: VerifyingReader) -> None:
            upload = uploads.begin(AdmittedUpload(client, account=named.owner))
            try:
                async for piece in copy.verified_pieces(named.sha256, uploads.folder.file_limit):
                    await uploads.append(upload, piece)
                await uploads.finish(upload)
            except BaseException:
                uploads.drop(upload)
                raise

        try:
            client = await self._admission.owner_client(named.owner)
            await self._others.try_smallest_copies(named.sha256, store)
        except SealgridError as error:
            return self._failed(named.sha256, error)
        uploads.mark_named(named.sha256)
        return self._fetched(named.sha256)

    def _fetched(self, file: Digest) -> bool:
        self._silences = 0
        _log.info("fetched the missing file %s", file)
        return True

    def _failed(self, file: Digest, error: SealgridError) -> bool:
        """Return False; raise ServiceUnavailable where no node answers at all."""
        self._silences = self._silences + 1 if isinstance(error, ServiceUnavailable) else 0
        if self._silences == MAX_SILENCES:
            raise ServiceUnavailable("the other storage nodes do not answer.") from error
        _log.info("the missing file %s: %s", file, error)
        return False
