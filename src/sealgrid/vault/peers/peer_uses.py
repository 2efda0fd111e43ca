"""Reads the other vaults' logs for uses of datasets whose key is here and that this vault did not release itself.

Each vault would otherwise count only what it saw, and a worker chooses which t vaults see a task. A peer's entry counts
only where the chain has the very task that it names: a peer that lies can add no more than tasks that exist. One that
is away adds nothing, and stops nobody.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from sealgrid.attestation.vault_log import LogEntry, check_entry, check_head
from sealgrid.chain.views import PaymentOutcome, payment_outcome
from sealgrid.errors import SealgridError
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.use_ledger import DatasetUse
from sealgrid.wire.log import MOST_ENTRIES, LogClient

MOST_PAGES: Final = 16  #: of one log at one look; the next look goes on behind them
_log = logging.getLogger("sealgrid")


async def keep_reading_peer_uses(vault: Vault, peers: Mapping[Address, LogClient], every: float) -> None:
    """Read all peers' logs for ever, with so many seconds in between."""
    while True:
        await asyncio.gather(*(read_peer_uses(vault, peer, log) for peer, log in peers.items()))
        await asyncio.sleep(every)


async def read_peer_uses(vault: Vault, peer: Address, log: LogClient) -> None:
    """Count what a peer's log has new; whatever cannot be read now is read at the next look."""
    try:
        for _ in range(MOST_PAGES):
            if not await _read_page(vault, peer, log):
                return
    except SealgridError as error:
        _log.warning("the uses in the log of vault %s cannot be read: %s", peer, error.message)


async def _read_page(vault: Vault, peer: Address, log: LogClient) -> bool:
    """Read one page; return whether there may be more to read now."""
    ledger = vault.journal.use_ledger
    first = ledger.position(peer)
    page = await log.entries(first)
    head = check_head(page.head.head, page.head.signature, peer, vault.federation.domain)
    for place, each in enumerate(page.entries[:MOST_ENTRIES], start=first):
        entry = check_entry(each.entry.encode(), place, each.path, head)
        if not await _count(vault, entry):
            return False
        ledger.move(peer, place + 1)
    return len(page.entries) >= MOST_ENTRIES


async def _count(vault: Vault, entry: LogEntry) -> bool:
    """Count an entry if it is a use; return False where our own node does not know its block yet."""
    ledger = vault.journal.use_ledger
    if entry.asset == ZERO_ADDRESS or ledger.knows(entry.task, entry.owner):
        return True
    signed = vault.custody.policy(entry.asset, entry.owner)
    if signed is None:
        return True
    block, task, deal = await vault.chain.task_and_deal(entry.task)
    if deal is None:
        return entry.block <= block.number
    named = (deal.deal, deal.dataset.pointer, deal.requester)
    if named != (entry.deal, entry.asset, entry.requester) or ledger.knows(entry.task, entry.owner):
        return True
    # The facts of another vault are not here: only under the policy that is here is it sure what they said.
    escrow = signed.policy.version == entry.policy and signed.policy.release == 0
    refundable = escrow and deal.callback == ZERO_ADDRESS
    if refundable and payment_outcome(task, block.timestamp) is PaymentOutcome.UNPAID:
        return True
    used = min(entry.time, vault.clock(), task.contribution_deadline)
    vault.history.note_deal(entry.task, deal.start_time)
    ledger.add(
        DatasetUse(
            task=entry.task,
            dataset=entry.asset,
            owner=entry.owner,
            requester=entry.requester,
            used=used,
            deadline=task.contribution_deadline,
            refundable=refundable,
        )
    )
    return True
