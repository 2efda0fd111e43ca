"""Witnesses the other vaults' logs: countersigns consistent heads and stores proof of contradictions.

A vault that shows different logs to enclaves and to owners must also show one of them to the witnesses.
"""

import asyncio
import logging
from collections.abc import Mapping

from sealgrid.attestation.vault_log import check_head, contradiction, witness_of
from sealgrid.crypto import merkle
from sealgrid.errors import SealgridError
from sealgrid.units import Address
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.witness_store import WitnessStore
from sealgrid.wire.log import Alarm, LogClient, WitnessedHead, WitnessReport

MIN_POLL_SECONDS = 1  #: between two polls, also for requests by clients
PEER_SECONDS = 10.0  #: for which a poll waits for one vault; the others' heads do not wait for longer
_log = logging.getLogger("sealgrid")


class PeerLogWitness:
    """One vault's witness of the other vaults' logs."""

    def __init__(self, vault: Vault, peers: Mapping[Address, LogClient]) -> None:
        self._vault, self._peers, self._store = vault, peers, WitnessStore(vault.database)
        self._lock = asyncio.Lock()
        self._polled = 0

    async def poll(self) -> WitnessReport:
        """Fetch every other vault's head, at most once in MIN_POLL_SECONDS; return the report of all polls so far."""
        async with self._lock:
            if self._vault.clock() - self._polled >= MIN_POLL_SECONDS:
                await asyncio.gather(*(self._check_peer(vault, peer) for vault, peer in self._peers.items()))
                self._polled = self._vault.clock()
        own = self._vault.address
        heads = [head for peer in self._peers if (head := self._store.head(peer)) is not None]
        return WitnessReport(
            witness=own,
            heads=tuple(
                WitnessedHead(head=head, signature=self._vault.sign(witness_of(head.head, own))) for head in heads
            ),
            alarms=self._store.alarms(),
        )

    async def run(self, interval: float) -> None:
        """Poll every ``interval`` seconds, until cancelled."""
        while True:
            await asyncio.sleep(interval)
            await self.poll()

    async def _check_peer(self, vault: Address, peer: LogClient) -> None:
        known = self._store.head(vault)
        try:
            async with asyncio.timeout(PEER_SECONDS):
                offered = await peer.head()
                check_head(offered.head, offered.signature, vault, self._vault.federation.domain)
                grew = known is not None and 0 < known.head.size < offered.head.size
                path = (await peer.consistency(known.head.size, offered.head.size)).path if known and grew else ()
        except (SealgridError, TimeoutError) as error:
            # A vault that does not respond, or with a bad signature, has contradicted nothing.
            _log.warning("the head of the log of vault %s cannot be read: %s", vault, error or "it is too slow.")
            return
        kind = None if known is None else contradiction(known.head, offered.head, path)
        if known is not None and kind is not None:
            _log.error("ALARM %s: vault %s signed two heads of its log that contradict each other", kind, vault)
            raised = self._vault.clock()
            # A path that is none proves as much as an empty one; stored, it could make the report unreadable.
            path = path if merkle.are_hashes(path) else ()
            self._store.add_alarm(
                Alarm(vault=vault, kind=kind, held=known, offered=offered, path=tuple(path), raised=raised)
            )
        elif known is None or offered.head.size > known.head.size:
            self._store.set_head(offered)
