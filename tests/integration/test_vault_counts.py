"""Three real vaults count uses: exactly in total, approximately in an hour, and no unpaid ones."""

from pathlib import Path

import msgspec
import pytest

from sealgrid.attestation.vault_log import LogEntry, head_of
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.crypto import merkle
from sealgrid.crypto.digests import sha256
from sealgrid.errors import ServiceUnavailable
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.vault.peers.peer_uses import read_peer_uses
from sealgrid.wire.log import LogClient, LoggedEntry, LogPage, SignedHead
from tests.contracts.scene import VAULTS

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]
CONTRIBUTION_SECONDS = 7 * 300  #: in category XS
PAIRS = ((0, 1), (1, 2), (0, 2))


async def shown_to(enclave, positions):
    """Have an enclave ask these vaults only; return the facts that each of them signed."""
    nonces = await enclave.nonces()
    request, data, clients = enclave.evidence(nonces), enclave.report_data(nonces), enclave.federation.clients
    replies = [await clients[position].release(request) for position in positions]
    return [msgspec.json.decode(enclave.answer(reply, data).facts) for reply in replies]


async def refusals_of(enclave):
    """Return the check by which each vault refuses: the requester made these uses itself, so the refusal is settled."""
    return [each.get("refusal", "") for each in await shown_to(enclave, (0, 1, 2))]


async def uses_got(federation, tasks, after=lambda: None):
    """Show each task to two vaults in turn, as a worker may; return how many got what those two can give."""
    deal, got = await federation.order(tasks=tasks), 0
    for index in range(tasks):
        enclave = await federation.begin(deal, index)
        if any("refusal" in each for each in await shown_to(enclave, PAIRS[index % 3])):
            return got
        got += 1
        await read_each_other(federation, *([after] if after is None else []))
    return got


async def read_each_other(federation, *skip):
    if skip:
        return
    for vault in federation.vaults:
        for peer, log in zip(federation.addresses, federation.logs, strict=True):
            if peer != vault.address:
                await read_peer_uses(vault, peer, log)


def counted(federation, position=0):
    ledger, owner = federation.vaults[position].task_store.use_ledger, development_key("owner").address
    nobody = to_digest(b"\xff" * 32)
    return (
        ledger.count_in_hour(
            federation.market.dataset, development_key("requester").address, excluding=nobody, at=federation.clock.now
        ),
        ledger.count_total(federation.market.dataset, owner, excluding=nobody),
    )


async def test_where_uses_are_counted_in_total_facts_ask_for_every_vault(federation):
    await federation.sell_model(uses_total=4, quorum=2)
    enclave = await federation.begin(await federation.order())
    assert [each["quorum"] for each in await shown_to(enclave, (0, 1))] == [3, 3]


async def test_all_vaults_together_release_no_more_uses_than_the_total(federation):
    await federation.sell_model(uses_total=2)
    deal = await federation.order(tasks=3)
    for index in range(2):
        assert not (await (await federation.begin(deal, index)).released()).facts.refusal
    last = await federation.begin(deal, 2)
    assert await refusals_of(last) == ["7.9"] * 3


async def test_an_hourly_limit_holds_n_over_t_times_where_a_worker_chooses_the_vaults(federation):
    await federation.sell_model(uses_per_requester_hour=4)
    assert await uses_got(federation, 8, after=None) == 6


async def test_an_hourly_limit_holds_once_the_vaults_read_each_others_logs(federation):
    await federation.sell_model(uses_per_requester_hour=4)
    assert await uses_got(federation, 8) == 4


async def test_the_same_use_in_several_logs_counts_once_and_a_log_is_read_from_where_it_was_left(federation):
    await federation.sell_model()
    deal = await federation.order(tasks=3)
    await shown_to(await federation.begin(deal, 0), (1, 2))
    await read_each_other(federation)
    await shown_to(await federation.begin(deal, 1), (0, 1, 2))
    await read_each_other(federation)
    assert [counted(federation, position) for position in range(3)] == [(2, 2)] * 3


class Told(LogClient):
    """A vault that holds its own key and logs whatever the test says."""

    def __init__(self, key, federation, *entries):
        self.key, self.federation = key, federation
        self.documents = [entry.encode() for entry in entries]

    async def entries(self, first):
        frontier, rows = merkle.MerkleFrontier(), []
        for document in self.documents:
            frontier, nodes = frontier.append(merkle.leaf_hash(document))
            rows.append(nodes)
        size = frontier.size
        head = head_of(self.key.address, size, frontier.root, self.federation.clock.now)
        node = lambda level, index: rows[((index + 1) << level) - 1][level]  # noqa: E731
        entries = tuple(
            LoggedEntry(entry=self.documents[at].decode(), index=at, path=merkle.inclusion_path(at, size, node))
            for at in range(first, size)
        )
        signature = head.sign(self.federation.market.domain, self.key)
        return LogPage(head=SignedHead(head=head, signature=signature), entries=entries)


async def entry_about(federation, *, version=1, **changes):
    """What the second vault would log about a task that it alone released."""
    deal = await federation.order(version=version)
    enclave = await federation.begin(deal)
    usual = {
        "deal": deal,
        "task": enclave.task,
        "worker": enclave.worker,
        "enclave": enclave.signing.address,
        "app": federation.market.app,
        "asset": federation.market.dataset,
        "owner": development_key("owner").address,
        "requester": development_key("requester").address,
        "policy": 1,
        "session": to_digest(sha256(b"session")),
        "facts": to_digest(sha256(b"facts")),
        "block": (await federation.market.node.block()).number,
        "time": federation.clock.now,
    }
    return LogEntry(**usual | changes)


async def read(federation, log, *, as_vault=VAULTS[1]):
    await read_peer_uses(federation.vaults[0], as_vault.address, log)


@pytest.mark.parametrize(
    "lie",
    [
        {"task": to_digest(b"\x77" * 32)},
        {"requester": development_key("requester2").address},
        {"asset": ZERO_ADDRESS},
        {"deal": to_digest(b"\x78" * 32)},
        {"owner": development_key("thief").address},
    ],
)
async def test_what_a_lying_vault_logs_counts_nothing_unless_the_chain_has_that_task(federation, lie):
    await federation.sell_model()
    await read(federation, Told(VAULTS[1], federation, await entry_about(federation, **lie)))
    assert counted(federation) == (0, 0)
    await read(federation, Told(VAULTS[2], federation, await entry_about(federation, version=2)), as_vault=VAULTS[2])
    assert counted(federation) == (1, 1)  # the planted control: the truth does count


async def test_a_vault_that_logs_a_use_of_the_future_or_the_past_makes_it_count_no_longer(federation):
    await federation.sell_model()
    future = await entry_about(federation, time=2**40)
    await read(federation, Told(VAULTS[1], federation, future))
    assert counted(federation) == (1, 1)
    federation.clock.now += CONTRIBUTION_SECONDS + 3600
    assert counted(federation)[0] == 0


async def test_unsigned_or_missing_entries_of_another_vault_count_nothing_and_block_nothing(federation):
    await federation.sell_model()
    forged = Told(VAULTS[2], federation, await entry_about(federation))

    class Silent(LogClient):
        def __init__(self):
            pass

        async def entries(self, first):
            raise ServiceUnavailable("nobody is here.")

    for log in (forged, Silent()):
        await read(federation, log, as_vault=VAULTS[1])
    assert counted(federation) == (0, 0)
    await (await federation.begin(await federation.order(version=2))).released()


async def test_an_entry_of_a_block_that_the_own_node_does_not_have_yet_is_read_later(federation):
    await federation.sell_model()
    ahead = await entry_about(federation, task=to_digest(b"\x79" * 32), block=2**40)
    await read(federation, Told(VAULTS[1], federation, ahead))
    assert federation.vaults[0].task_store.use_ledger.peer_position(VAULTS[1].address) == 0


async def unpaid_until(federation, seconds):
    federation.clock.now += seconds
    await advance(federation.market.node, seconds)


async def test_a_use_with_an_unpublished_verdict_is_refunded_when_it_can_no_longer_be_paid(federation):
    await federation.sell_model(uses_total=1, uses_per_requester_hour=1)
    result = await (await (await federation.begin(await federation.order())).released()).seal()
    await result.settled(0, 1)
    waiting = await federation.begin(await federation.order(version=2))
    assert await refusals_of(waiting) == ["7.4"] * 3
    await unpaid_until(federation, CONTRIBUTION_SECONDS)
    again = await federation.begin(await federation.order(version=3))
    assert not (await again.released()).facts.refusal
    assert [counted(federation, position)[1] for position in range(3)] == [1, 1, 1]


async def test_a_use_that_was_paid_is_not_given_back(federation):
    await federation.sell_model(uses_total=1)
    result = await (await (await federation.begin(await federation.order())).released()).seal()
    await result.publish(await result.settled(0, 1))
    await unpaid_until(federation, CONTRIBUTION_SECONDS)
    waiting = await federation.begin(await federation.order(version=2))
    assert await refusals_of(waiting) == ["7.9"] * 3  # the third gave no Verdict, and counts it all the same


async def test_a_use_whose_result_opens_at_once_is_not_given_back(federation):
    await federation.sell_model(uses_total=1, release=1)
    await (await federation.begin(await federation.order())).released()
    await unpaid_until(federation, CONTRIBUTION_SECONDS)
    assert await refusals_of(await federation.begin(await federation.order(version=2))) == ["7.9"] * 3


async def test_the_chain_is_read_about_uses_only_at_a_limit(federation, monkeypatch):
    await federation.sell_model(uses_total=5)
    await (await federation.begin(await federation.order())).released()
    await unpaid_until(federation, CONTRIBUTION_SECONDS)
    queries = []
    for vault in federation.vaults:
        monkeypatch.setattr(vault.chain, "tasks", lambda *words, **more: queries.append(words))
    assert not (await (await federation.begin(await federation.order(version=2))).released()).facts.refusal
    assert queries == []
