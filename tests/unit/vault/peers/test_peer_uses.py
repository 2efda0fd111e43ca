"""Uses in another vault's log count here once, if the chain has the task that they name."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from sealgrid.attestation.vault_log import LogEntry, entry_of, head_of
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.merkle import MerkleFrontier, leaf_hash
from sealgrid.units import to_digest
from sealgrid.vault.handlers.unpaid_uses import count_uses
from sealgrid.vault.peers.peer_uses import poll_peer_uses, read_peer_uses
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.share_store import StoredPolicy
from sealgrid.wire.log import LoggedEntry, LogPage, SignedHead
from tests.unit.vault.vault_scene import DOMAIN, NOW, STRANGER, TASK, VAULTS, deal, facts, policy, snapshot, task
from tests.unit.vault.vault_service import SnapshotChain

PEER = VAULTS[1]
ENTRY = entry_of(facts(), to_digest(b"\x71" * 32), policy=1, block=7, time=NOW)
NO_TASK = ""


@dataclass
class PeerLog:
    """The log of a peer, with its entries and a correct proof of the newest."""

    entry: LogEntry
    by: object = PEER
    reads: list[int] = field(default_factory=list)

    async def entries(self, first: int) -> LogPage:
        self.reads.append(first)
        frontier, _ = MerkleFrontier(0, ()).append(leaf_hash(self.entry.encode()))
        head = head_of(PEER.address, frontier.size, frontier.root, NOW)
        entries: Sequence[LoggedEntry] = [LoggedEntry(entry=self.entry.encode().decode(), index=0, path=())][first:]
        return LogPage(head=SignedHead(head=head, signature=head.sign(DOMAIN, self.by)), entries=tuple(entries))


@pytest.fixture
def counting(vault: Vault) -> Vault:
    """A vault that has the policy of the scene's dataset."""
    vault.share_store.set_policy(StoredPolicy(policy(), b""), at=NOW)
    return vault


def total(vault: Vault) -> int:
    return count_uses(vault, snapshot(), excluding=NO_TASK, at=NOW).total


async def test_a_use_in_a_peers_log_counts_once_and_reading_continues_behind_it(counting: Vault) -> None:
    log = PeerLog(ENTRY)
    for _ in range(2):
        await read_peer_uses(counting, PEER.address, log)
    assert (total(counting), log.reads) == (1, [0, 1])


async def test_a_use_whose_block_this_vault_does_not_have_yet_waits(counting: Vault, chain: SnapshotChain) -> None:
    chain.tasks_at[TASK] = task(status=TaskStatus.UNSET)
    log = PeerLog(msgspec.structs.replace(ENTRY, block=8))
    for _ in range(2):
        await read_peer_uses(counting, PEER.address, log)
    assert (total(counting), log.reads) == (0, [0, 0])


@pytest.mark.parametrize(
    "entry", [msgspec.structs.replace(ENTRY, **change) for change in ({"requester": STRANGER.address}, {"deal": TASK})]
)
async def test_an_entry_that_the_chain_contradicts_does_not_count(counting: Vault, entry: LogEntry) -> None:
    await read_peer_uses(counting, PEER.address, PeerLog(entry))
    assert total(counting) == 0


async def test_an_unpaid_use_of_an_escrowed_result_does_not_count(counting: Vault, chain: SnapshotChain) -> None:
    chain.snapshot = snapshot(deal=deal(), time=NOW + 4000)
    chain.tasks_at[TASK] = task(final_deadline=NOW + 3000)
    await read_peer_uses(counting, PEER.address, PeerLog(ENTRY))
    assert total(counting) == 0


async def test_a_head_that_the_peer_did_not_sign_adds_nothing(
    counting: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    await read_peer_uses(counting, PEER.address, replace(PeerLog(ENTRY), by=STRANGER))
    assert total(counting) == 0
    assert "cannot be read" in caplog.text


async def test_a_peer_that_never_answers_does_not_keep_the_uses_of_others(counting: Vault) -> None:
    read_again = asyncio.Event()

    class WatchedLog(PeerLog):
        async def entries(self, first: int) -> LogPage:
            if self.reads:
                read_again.set()
            return await super().entries(first)

    class SilentLog(PeerLog):
        async def entries(self, first: int) -> LogPage:
            await asyncio.Event().wait()
            raise AssertionError

    peers = {VAULTS[2].address: SilentLog(ENTRY), PEER.address: WatchedLog(ENTRY)}
    polling = asyncio.create_task(poll_peer_uses(counting, peers, 0.0))
    await asyncio.wait_for(read_again.wait(), 60)
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    assert total(counting) == 1
