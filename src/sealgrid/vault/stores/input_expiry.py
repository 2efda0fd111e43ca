"""Removes the shares of sealed inputs that no deal needs (docs/protocol/keys.md, "How long an input is kept")."""

import asyncio
import logging
from typing import Final

from sealgrid.errors import SealgridError
from sealgrid.units import Address
from sealgrid.vault.service import Vault

MOST_AT_ONCE: Final = 200  #: inputs that one pass asks the chain about
PAUSE_SECONDS: Final = 300.0  #: between two passes
_log = logging.getLogger("sealgrid.vault")


class InputExpiry:
    """Deletes inputs that are older than ``keep_seconds`` and belong to no deal that may still run."""

    def __init__(self, vault: Vault, keep_seconds: float) -> None:
        self._vault, self._keep_seconds = vault, keep_seconds
        self._needed: dict[tuple[Address, Address], int] = {}  # until when a deal needs an input

    async def run(self) -> None:
        """Make a pass every PAUSE_SECONDS, until cancelled; a chain that does not answer is asked again."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self.sweep()
            except SealgridError as error:
                _log.warning("sealed inputs were not looked through: %s", error)

    async def sweep(self) -> int:
        """Delete what may go, oldest first, and return how many inputs went.

        The share, its grants and its version go: the owner may deposit the same input again. A deal needs its input
        until its final deadline. What was deposited again while the chain was asked stays.
        """
        vault, now = self._vault, self._vault.clock()
        old = vault.custody.inputs_before(int(now - self._keep_seconds))
        named = {(each.asset, each.owner) for each in old}
        self._needed = {key: until for key, until in self._needed.items() if until > now and key in named}
        gone = 0
        for each in [found for found in old if (found.asset, found.owner) not in self._needed][:MOST_AT_ONCE]:
            requests = {grant.request for grant in vault.custody.grants(each.owner, each.file_sha256)}
            until = await vault.chain.needed_until(sorted(requests))
            if until > now:
                self._needed[each.asset, each.owner] = until
            else:
                await vault.store.turn()
                gone += vault.custody.forget_input(each)
        return gone
