"""Witnessing another vault's log: consistent heads are countersigned, a contradiction is kept as proof."""

import asyncio
from dataclasses import dataclass

import pytest

from sealgrid.attestation.statements import LogHead
from sealgrid.attestation.vault_log import check_witness, contradiction
from sealgrid.crypto.merkle import MAX_PATH, MerkleFrontier, leaf_hash
from sealgrid.errors import ServiceUnavailable
from sealgrid.units import to_digest
from sealgrid.vault.peers import witness as witness_module
from sealgrid.vault.peers.witness import PeerLogWitness
from sealgrid.vault.service import Vault
from sealgrid.wire.log import LogPath, SignedHead
from tests.unit.vault.vault_scene import DOMAIN, NOW, STRANGER, VAULTS
from tests.unit.vault.vault_service import SnapshotChain

PEER = VAULTS[1]


def head_of(*entries: bytes, issued: int = NOW, by: object = PEER) -> SignedHead:
    frontier = MerkleFrontier(0, ())
    for entry in entries:
        frontier, _ = frontier.append(leaf_hash(entry))
    head = LogHead(vault=PEER.address, size=frontier.size, root=to_digest(frontier.root), issued=issued)
    return SignedHead(head=head, signature=head.sign(DOMAIN, by))


@dataclass
class PeerLog:
    """A peer that sends this head, with this path from any earlier one."""

    offered: SignedHead
    path: tuple[bytes, ...] = ()

    async def head(self) -> SignedHead:
        if self.offered is None:
            raise ServiceUnavailable("the peer is down.")
        return self.offered

    async def consistency(self, first: int, second: int) -> LogPath:
        return LogPath(path=self.path)


async def test_a_head_is_countersigned(vault: Vault) -> None:
    log = PeerLog(head_of(b"one"))
    report = await PeerLogWitness(vault, {PEER.address: log}).poll()
    (witnessed,) = report.heads
    check_witness(witnessed.head.head, vault.address, witnessed.signature, DOMAIN)
    assert report.alarms == ()


@pytest.mark.parametrize(
    ("kind", "later"),
    [("rollback", head_of(issued=NOW + 9)), ("split-view", head_of(b"another", b"history", issued=NOW + 9))],
)
async def test_a_contradiction_raises_an_alarm_and_the_earlier_head_stays(
    vault: Vault, chain: SnapshotChain, kind: str, later: SignedHead
) -> None:
    log = PeerLog(head_of(b"one"))
    witness = PeerLogWitness(vault, {PEER.address: log})
    await witness.poll()
    log.offered, chain.now = later, NOW + 10
    report = await witness.poll()
    assert [(alarm.kind, alarm.held, alarm.offered) for alarm in report.alarms] == [(kind, head_of(b"one"), later)]
    assert report.heads[0].head == head_of(b"one")


@pytest.mark.parametrize("path", [(bytes(1 << 20),), (bytes(32),) * (MAX_PATH + 1)], ids=["a long hash", "many hashes"])
async def test_a_peer_cannot_hide_its_contradiction_in_a_report_that_is_too_large(
    vault: Vault, chain: SnapshotChain, path: tuple[bytes, ...]
) -> None:
    log = PeerLog(head_of(b"one"), path)
    witness = PeerLogWitness(vault, {PEER.address: log})
    await witness.poll()
    log.offered, chain.now = head_of(b"another", b"history", issued=NOW + 9), NOW + 10
    (alarm,) = (await witness.poll()).alarms
    assert alarm.path == ()
    assert contradiction(alarm.held.head, alarm.offered.head, alarm.path) == "split-view"


@pytest.mark.parametrize("offered", [None, head_of(b"one", by=STRANGER)], ids=["unreachable", "another signer"])
async def test_a_peer_without_a_valid_head_has_contradicted_nothing(vault: Vault, offered: SignedHead | None) -> None:
    report = await PeerLogWitness(vault, {PEER.address: PeerLog(offered)}).poll()
    assert (report.heads, report.alarms) == ((), ())


async def test_a_peer_that_never_answers_does_not_keep_the_heads_of_others(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SilentLog:
        async def head(self) -> SignedHead:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(witness_module, "PEER_SECONDS", 0.01)
    witness = PeerLogWitness(vault, {VAULTS[2].address: SilentLog(), PEER.address: PeerLog(head_of(b"one"))})
    (witnessed,) = (await witness.poll()).heads
    assert witnessed.head.head.vault == PEER.address
