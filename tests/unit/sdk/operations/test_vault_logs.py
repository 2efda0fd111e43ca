"""Reading vaults' logs: each proof is verified, and a contradiction names the vault that signed it."""

from types import SimpleNamespace

import msgspec
import pytest

from sealgrid.attestation.vault_log import LogEntry, head_of, witness_of
from sealgrid.crypto.merkle import MerkleFrontier, consistency_path, inclusion_path, leaf_hash
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import ServiceUnavailable
from sealgrid.sdk.operations.vault_logs import LogAccusation, read_logs, read_witnesses
from sealgrid.units import to_address, to_digest
from sealgrid.wire.log import Alarm, LoggedEntry, LogPage, LogPath, SignedHead, WitnessedHead, WitnessReport

DOMAIN = Domain(chain=31337, broker=to_address(b"\xcc" * 20))
MODEL, OTHER, PARTY = (to_address(bytes([number]) * 20) for number in (1, 2, 3))


def entry(task: int, asset=MODEL) -> LogEntry:
    digest = to_digest(bytes([task]) * 32)
    return LogEntry(
        deal=digest,
        task=digest,
        worker=PARTY,
        enclave=PARTY,
        app=PARTY,
        asset=asset,
        owner=PARTY,
        requester=PARTY,
        policy=1,
        session=digest,
        facts=digest,
        block=7,
        time=1000 + task,
    )


class Log:
    """The log of one vault in memory; ``damage`` changes a page before it is sent."""

    def __init__(self, *entries: LogEntry) -> None:
        self.key, self.written, self.nodes, self.frontier = SigningKey.generate(), [], {}, MerkleFrontier()
        self.damage = lambda page: page
        self.report = ServiceUnavailable("the vault is away.")
        self.heads = [self.head(0)]
        for each in entries:
            self.append(each)

    def append(self, added: LogEntry) -> None:
        size = self.frontier.size
        self.frontier, hashes = self.frontier.append(leaf_hash(added.encode()))
        for level, node in enumerate(hashes):
            self.nodes[level, size >> level] = node
        self.written.append(added)
        self.heads.append(self.head(size + 1))

    def head(self, size: int, *, issued: int | None = None, root: bytes | None = None) -> SignedHead:
        head = head_of(self.key.address, size, self.frontier.root if root is None else root, issued or 100 + size)
        return SignedHead(head=head, signature=head.sign(DOMAIN, self.key))

    def node(self, level, index):
        return self.nodes[level, index]

    async def entries_of(self, asset, first):
        size = len(self.written)
        logged = tuple(
            LoggedEntry(entry=each.encode().decode(), index=index, path=inclusion_path(index, size, self.node))
            for index, each in enumerate(self.written)
            if each.asset == asset and index >= first
        )
        return self.damage(LogPage(head=self.heads[-1], entries=logged))

    async def consistency(self, first, second):
        return LogPath(path=consistency_path(first, second, self.node))

    async def witnesses(self):
        if isinstance(self.report, Exception):
            raise self.report
        return self.report


def connection(*logs: Log):
    return SimpleNamespace(logs=logs, vault_addresses=tuple(log.key.address for log in logs), domain=DOMAIN)


async def read(log: Log):
    (found,) = await read_logs(connection(log), MODEL)
    return found


async def test_the_entries_of_an_asset_are_read_with_their_proofs():
    log = Log(entry(1), entry(2, OTHER), entry(3))
    found = await read(log)
    assert (found.vault, found.faults) == (log.key.address, ())
    assert [each.task for each in found.entries] == [entry(1).task, entry(3).task]
    assert found.head.size == 3


def altered(position, **changes):
    def damage(page):
        entries = list(page.entries)
        entries[position] = msgspec.structs.replace(entries[position], **changes)
        return msgspec.structs.replace(page, entries=tuple(entries))

    return damage


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (lambda page: msgspec.structs.replace(page, head=Log().heads[0]), "log.1"),
        (lambda page: msgspec.structs.replace(page, head=msgspec.structs.replace(page.head, signature=b"")), "log.2"),
        (altered(0, entry="{}"), "log.3"),
        (altered(0, entry=entry(9).encode().decode()), "log.4"),
        (altered(1, index=0), "log.4"),
        (lambda page: msgspec.structs.replace(page, entries=page.entries[::-1]), "log.4"),
    ],
    ids=["another vault's head", "unsigned head", "no entry", "another entry", "another index", "out of order"],
)
async def test_a_failed_proof_is_a_fault_with_its_number(damage, check):
    log = Log(entry(1), entry(2))
    log.damage = damage
    (fault,) = (await read(log)).faults
    assert fault.startswith(f"({check})")


async def test_a_log_that_cannot_be_read_is_a_fault_of_its_vault_alone():
    def away(page):
        raise ServiceUnavailable("the vault is away.")

    silent, good = Log(), Log(entry(1))
    silent.damage = away
    first, second = await read_logs(connection(silent, good), MODEL)
    assert first.faults == ("its log cannot be read: the vault is away.",)
    assert (len(second.entries), second.faults) == (1, ())


def witnessed(head: SignedHead, witness: Log) -> WitnessedHead:
    return WitnessedHead(head=head, signature=witness_of(head.head, witness.key.address).sign(DOMAIN, witness.key))


async def accusations(accused: Log, witness: Log, heads=(), alarms=()) -> tuple[LogAccusation, ...]:
    witness.report = WitnessReport(witness=witness.key.address, heads=heads, alarms=alarms)
    conn = connection(accused, witness)
    return await read_witnesses(conn, await read_logs(conn, MODEL))


async def test_an_earlier_head_of_the_same_log_accuses_nobody():
    accused, witness = Log(entry(1), entry(2), entry(3)), Log()
    earlier = Log.head(accused, 3)
    assert await accusations(accused, witness, [witnessed(earlier, witness)]) == ()
    assert await accusations(accused, witness, [witnessed(accused.heads[1], witness)]) == ()


async def test_a_witness_that_repeats_heads_without_end_costs_its_reader_one_proof():
    accused, witness = Log(entry(1), entry(2), entry(3)), Log()
    proofs = []
    consistency = accused.consistency

    async def counted(first, second):
        proofs.append(first)
        return await consistency(first, second)

    accused.consistency = counted
    assert await accusations(accused, witness, [witnessed(accused.heads[2], witness)] * 50) == ()
    assert proofs == [2]


async def test_a_head_of_another_tree_accuses_the_vault_that_signed_it():
    accused, witness = Log(entry(1), entry(2), entry(3)), Log()
    other = accused.head(2, root=b"\x07" * 32)
    (accusation,) = await accusations(accused, witness, [witnessed(other, witness)])
    assert accusation.vault == accused.key.address
    assert "split-view" in accusation.sentence


async def test_a_witness_that_reports_a_head_without_signature_is_accused_itself():
    accused, witness = Log(entry(1)), Log()
    forged = msgspec.structs.replace(accused.heads[1], signature=b"")
    (accusation,) = await accusations(accused, witness, [witnessed(forged, witness)])
    assert accusation.vault == witness.key.address


@pytest.mark.parametrize("true", [True, False])
async def test_an_alarm_accuses_the_vault_if_its_evidence_proves_it_and_the_witness_otherwise(true):
    accused, witness = Log(entry(1), entry(2)), Log()
    offered = accused.head(2, root=b"\x07" * 32) if true else accused.heads[2]
    path = consistency_path(1, 2, accused.node)
    alarm = Alarm(
        vault=accused.key.address, kind="split-view", held=accused.heads[1], offered=offered, path=path, raised=1
    )
    (accusation,) = await accusations(accused, witness, alarms=[alarm])
    assert accusation.vault == (accused if true else witness).key.address
