"""Background task that deletes the shares of sealed inputs that no deal needs (docs/protocol/keys.md)."""

import asyncio
import logging
from typing import Final

from sealgrid.errors import SealgridError
from sealgrid.units import Address
from sealgrid.vault.service import Vault

MAX_AT_ONCE: Final = 200  #: inputs that one pass checks against the chain
PAUSE_SECONDS: Final = 300.0  #: between two passes
_log = logging.getLogger("sealgrid.vault")


class InputExpiry:
    """Deletes inputs that are older than ``keep_seconds`` and that no running deal needs."""

    def __init__(self, vault: Vault, keep_seconds: float) -> None:
        self._vault, self._keep_seconds = vault, keep_seconds
        self._needed: dict[
            tuple[Address, Address], int
        ] = {}  # (asset, owner) to the time until which a deal needs the input

    async def run(self) -> None:
        """Run a pass every PAUSE_SECONDS until cancelled; a failed pass is logged and repeated."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self.sweep()
            except SealgridError as error:
                _log.warning("the pass over expired inputs failed: %s", error)

    async def sweep(self) -> int:
        """Delete expired inputs, oldest first; return how many were deleted.

        Share, grants and version are deleted, so the owner may deposit the same input again. A deal needs its input
        until its final deadline. An input that is deposited again during the pass stays.
        """
        vault, now = self._vault, self._vault.clock()
        old = vault.share_store.inputs_before(int(now - self._keep_seconds))
        keys = {(each.asset, each.owner) for each in old}
        self._needed = {key: until for key, until in self._needed.items() if until > now and key in keys}
        deleted = 0
        for each in [each for each in old if (each.asset, each.owner) not in self._needed][:MAX_AT_ONCE]:
            requests = {grant.request for grant in vault.share_store.grants(each.owner, each.file_sha256)}
            until = await vault.chain.last_deadline(sorted(requests))
            if until > now:
                self._needed[each.asset, each.owner] = until
            else:
                await vault.database.wait_for_commit()
                deleted += vault.share_store.delete_input(each)
        return deleted
