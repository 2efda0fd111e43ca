"""Reads the other vaults' logs and counts their releases of datasets whose key this vault has.

Otherwise each vault would count only its own releases, and a worker chooses which t vaults get a task's requests. A
peer's entry counts only if the chain has the task that it names, so a lying peer can add existing tasks only. An
unreachable peer adds nothing and blocks nothing.
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
from sealgrid.wire.log import MAX_ENTRIES, LogClient

MAX_PAGES: Final = 16  #: of one log per poll; the next poll continues after them
_log = logging.getLogger("sealgrid")


async def poll_peer_uses(vault: Vault, peers: Mapping[Address, LogClient], interval: float) -> None:
    """Read each peer's log every ``interval`` seconds, until cancelled; no peer waits for another one."""
    await asyncio.gather(*(_poll_peer(vault, peer, log, interval) for peer, log in peers.items()))


async def _poll_peer(vault: Vault, peer: Address, log: LogClient, interval: float) -> None:
    while True:
        await read_peer_uses(vault, peer, log)
        await asyncio.sleep(interval)


async def read_peer_uses(vault: Vault, peer: Address, log: LogClient) -> None:
    """Count the new entries of a peer's log; errors are logged, and the next poll tries again."""
    try:
        for _ in range(MAX_PAGES):
            if not await _read_page(vault, peer, log):
                return
    except SealgridError as error:
        _log.warning("the uses in the log of vault %s cannot be read: %s", peer, error.message)


async def _read_page(vault: Vault, peer: Address, log: LogClient) -> bool:
    """Read one page; return whether there may be more to read."""
    ledger = vault.task_store.use_ledger
    first = ledger.peer_position(peer)
    page = await log.entries(first)
    head = check_head(page.head.head, page.head.signature, peer, vault.federation.domain)
    for index, each in enumerate(page.entries[:MAX_ENTRIES], start=first):
        entry = check_entry(each.entry.encode(), index, each.path, head)
        if not await _count(vault, entry):
            return False
        ledger.set_peer_position(peer, index + 1)
    return len(page.entries) >= MAX_ENTRIES


async def _count(vault: Vault, entry: LogEntry) -> bool:
    """Count an entry if it is a use; return False if the vault's own nodes do not have its block yet."""
    ledger = vault.task_store.use_ledger
    if entry.asset == ZERO_ADDRESS or ledger.is_known(entry.task, entry.owner):
        return True
    signed = vault.share_store.policy(entry.asset, entry.owner)
    if signed is None:
        return True
    block, task, deal = await vault.chain.task_and_deal(entry.task)
    if deal is None:
        return entry.block <= block.number
    named = (deal.deal, deal.dataset.pointer, deal.requester)
    if named != (entry.deal, entry.asset, entry.requester) or ledger.is_known(entry.task, entry.owner):
        return True
    # Another vault's facts are not available; their terms are certain only under the policy stored here.
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
