"""Every release at three real vaults is in their logs, and each vault detects false logs of the others."""

from pathlib import Path

import msgspec
import pytest

from sealgrid.attestation.vault_log import check_entry, check_head, check_witness, entry_of, head_of
from sealgrid.chain.accounts import development_key
from sealgrid.crypto import merkle
from sealgrid.crypto.digests import canonical
from sealgrid.errors import InputRefused, ReleaseRefused, ServiceUnavailable
from sealgrid.units import to_address
from sealgrid.vault.peers.witness import PeerLogWitness
from sealgrid.wire.log import LogClient, LogPage, LogPath, SignedHead
from sealgrid.wire.vault import PolicyRequest
from tests.contracts.scene import VAULTS

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]


async def test_a_release_is_logged_before_it_is_answered(federation):
    await federation.sell_model()
    enclave = await federation.begin(await federation.order())
    session = await enclave.released()
    for vault, log, answer in zip(federation.addresses, federation.logs, session.answers, strict=True):
        signed, logged = answer.log.head, answer.log.logged
        head = check_head(signed.head, signed.signature, vault, federation.market.domain)
        entry = check_entry(logged.entry.encode(), logged.index, logged.path, head)
        expected = entry_of(
            session.facts, answer.release.session, policy=1, block=entry.block, time=answer.release.issued
        )
        assert entry == expected
        assert entry.requester == development_key("requester").address
        page = await log.entries_of(federation.market.dataset, 0)
        assert [each.entry for each in page.entries][-1] == logged.entry
        later = check_head(page.head.head, page.head.signature, vault, federation.market.domain)
        for each in page.entries:
            check_entry(each.entry.encode(), each.index, each.path, later)
        path = (await log.consistency(head.size, later.size)).path
        roots = (bytes.fromhex(h.root[2:]) for h in (head, later))
        assert merkle.is_consistent(head.size, next(roots), later.size, next(roots), path)


async def test_what_is_refused_is_not_logged(federation):
    await federation.sell_model()
    enclave = await federation.begin(await federation.order())
    await federation.sell_model(allowed=(), version=2)  # after the match, so that nothing of it is settled
    before = [(await log.head()).head.size for log in federation.logs]
    nonces = await enclave.nonces()
    for client in federation.clients:
        with pytest.raises(Exception, match="does not allow"):
            await client.release(enclave.evidence(nonces))
    assert [(await log.head()).head.size for log in federation.logs] == before


async def test_a_deal_from_before_a_revocation_gets_no_key_after_it(federation):
    """The deal is matched, the enclave has its nonces; then the owner's new policy reaches the vaults."""
    await federation.sell_model()
    enclave = await federation.begin(await federation.order())
    nonces = await enclave.nonces()
    owner, domain = development_key("owner"), federation.market.domain
    before = (await federation.clients[0].asset(federation.market.dataset, owner.address)).policy
    refusing = msgspec.structs.replace(before, version=2, refused=(development_key("requester").address,))
    for client in federation.clients:
        await client.set_policy(PolicyRequest(policy=refusing, signature=refusing.sign(domain, owner)))
        with pytest.raises(ReleaseRefused) as caught:
            await client.release(enclave.evidence(nonces))
        assert caught.value.check == "7.10"
    assert all([(await log.entries_of(before.asset, 0)).entries == () for log in federation.logs])


async def test_the_log_is_public_and_refuses_proofs_beyond_its_size(federation):
    log = federation.logs[0]
    size = (await log.head()).head.size
    assert isinstance(await log.entries(0), LogPage)
    assert (await log.entries(size)).entries == ()
    for refused in (
        log.inclusion(size, size),
        log.consistency(size + 1, size),
        log.consistency(0, size + 1),
        log.entries_of(to_address(b"\1" * 20)[:-1], 0),
    ):
        with pytest.raises(InputRefused):
            await refused


class Forged(LogClient):
    """A vault that holds its own key, and shows a log of the test's making."""

    def __init__(self, key, federation):
        self.key, self.federation, self.frontier, self.rows, self.issued = (
            key,
            federation,
            merkle.MerkleFrontier(),
            [],
            0,
        )

    def say(self, *words, issued):
        for word in words:
            self.frontier, nodes = self.frontier.append(merkle.leaf_hash(canonical({"entry": word})))
            self.rows.append(nodes)
        self.issued = issued
        return self

    def node(self, level, index):
        return self.rows[((index + 1) << level) - 1][level]

    async def head(self):
        head = head_of(self.key.address, self.frontier.size, self.frontier.root, self.issued)
        return SignedHead(head=head, signature=head.sign(self.federation.market.domain, self.key))

    async def consistency(self, first, second):
        return LogPath(path=merkle.consistency_path(first, second, self.node))


class Watched:
    """The first vault as a witness of the second, which lies as it likes."""

    def __init__(self, federation):
        self.federation, self.log = federation, None
        self.liar = VAULTS[1]
        self.witness = PeerLogWitness(federation.vaults[0], {self.liar.address: self})

    async def sees(self, log):
        self.federation.clock.now += 1
        self.log = log
        return await self.witness.poll()

    async def head(self):
        return await self.log.head()

    async def consistency(self, first, second):
        return await self.log.consistency(first, second)


async def test_vaults_countersign_a_log_that_only_grows(federation):
    watched = Watched(federation)
    log = Forged(watched.liar, federation)
    for size in range(1, 6):
        report = await watched.sees(log.say(str(size), issued=size))
        (latest,) = report.heads
        assert (latest.head.head.size, report.alarms) == (size, ())
        check_witness(latest.head.head, report.witness, latest.signature, federation.market.domain)


async def test_a_vault_that_takes_a_release_back_is_named_with_its_own_two_signatures(federation):
    watched = Watched(federation)
    await watched.sees(Forged(watched.liar, federation).say("a", "b", "c", issued=10))
    report = await watched.sees(Forged(watched.liar, federation).say("a", "b", issued=11))
    (alarm,) = report.alarms
    assert (alarm.vault, alarm.kind) == (watched.liar.address, "rollback")
    for signed in (alarm.held, alarm.offered):
        check_head(signed.head, signed.signature, watched.liar.address, federation.market.domain)
    assert alarm.offered.head.size < alarm.held.head.size
    assert report.heads[0].head == alarm.held


@pytest.mark.parametrize("told_others", [("a", "x", "c"), ("x", "b", "c", "d"), ("a", "b", "x", "d", "e")])
async def test_a_vault_with_two_histories_is_named(federation, told_others):
    watched = Watched(federation)
    await watched.sees(Forged(watched.liar, federation).say("a", "b", "c", issued=10))
    report = await watched.sees(Forged(watched.liar, federation).say(*told_others, issued=11))
    assert [(alarm.vault, alarm.kind) for alarm in report.alarms] == [(watched.liar.address, "split-view")]
    again = await watched.sees(Forged(watched.liar, federation).say(*told_others, issued=12))
    assert again.alarms == report.alarms


async def test_a_replayed_old_head_raises_no_alarm(federation):
    watched = Watched(federation)
    old = await Forged(watched.liar, federation).say("a", issued=9).head()
    await watched.sees(Forged(watched.liar, federation).say("a", "b", issued=10))

    class Replayed(Forged):
        async def head(self):
            return old

    assert (await watched.sees(Replayed(watched.liar, federation))).alarms == ()


async def test_a_head_that_the_vault_did_not_sign_or_no_answer_raises_no_alarm(federation):
    watched = Watched(federation)
    await watched.sees(Forged(watched.liar, federation).say("a", "b", issued=10))
    forged = Forged(watched.liar, federation).say("x", issued=11)
    forged.key = VAULTS[2]

    class Silent(Forged):
        async def head(self):
            raise ServiceUnavailable("nobody is here.")

    for log in (forged, Silent(watched.liar, federation)):
        report = await watched.sees(log)
        assert (report.alarms, report.heads[0].head.head.size) == ((), 2)


async def test_real_vaults_witness_each_other_and_remember_it_over_a_restart(federation):
    first, second = federation.vaults[:2]
    peers = {second.address: federation.logs[1]}
    report = await PeerLogWitness(first, peers).poll()
    assert report.heads[0].head.head.vault == second.address
    federation.clock.now += 5
    assert (await PeerLogWitness(first, {second.address: Forged(VAULTS[2], federation)}).poll()).heads[
        0
    ].head == report.heads[0].head
