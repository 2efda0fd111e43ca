"""The datasets of a bulk on real PoCo: vaults sign the same facts of a slice, and release its keys."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sealgrid.attestation.facts import parse_facts
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import revert, snapshot
from sealgrid.crypto.unixfs import FileAddress
from sealgrid.errors import ReleaseRefused
from sealgrid.poco.orders import BULK_VOLUME, NO_DATASET_ORDER, to_document
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.vault.checks.bulk import MAX_AGE_SECONDS
from sealgrid.wire.vault import BulkDocuments, ReleaseAnswer
from tests.contracts.scene import DATASET_CHECKSUM, Market
from tests.integration.vault_enclave import Enclave
from tests.integration.vault_federation import Federation, federation_over

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]


def address_of(content: bytes) -> str:
    file = FileAddress()
    file.write(content)
    return file.cid()


@dataclass(frozen=True)
class Task:
    """A task of a bulk deal, and what an honest worker shows for it."""

    enclave: Enclave
    bulk: BulkDocuments

    async def released(self, **changes: Any) -> list[ReleaseAnswer]:
        nonces = await self.enclave.nonces()
        shown = msgspec.structs.replace(self.bulk, **changes)
        request = msgspec.structs.replace(self.enclave.evidence(nonces), bulk=shown)
        data = self.enclave.report_data(nonces)
        clients = self.enclave.federation.clients
        return [self.enclave.answer(await client.release(request), data) for client in clients]


async def begin_bulk(federation: Federation, *orders: dict[str, Any]) -> Task:
    """Match a deal over one slice of the dataset's orders, each with its changes."""
    market = federation.market
    usual = {"datasetprice": 0, "volume": BULK_VOLUME}
    signed = [market.dataset_order(**usual | order) for order in orders]
    own = json.dumps([to_document(order) for order in signed]).encode()
    root = json.dumps([address_of(own)]).encode()
    params = json.dumps({"bulk_cid": address_of(root), "iexec_result_storage_provider": "ipfs"})
    category = market.deployment.categories["XS"]
    request = market.request(
        dataset=ZERO_ADDRESS, category=category, params=params, volume=1, salt=to_digest(os.urandom(32))
    )
    wallet = market.wallet("requester")
    deal = await market.hub.match_orders(
        wallet, market.app_order(), NO_DATASET_ORDER, market.pool_order(category=category), request
    )
    enclave = await federation.begin(deal)
    head = await market.node.block()
    return Task(enclave, BulkDocuments(block=head.number, root=root, slice=own))


async def test_all_vaults_sign_the_same_facts_of_a_slice_and_each_logs_its_own_release(
    pushed: Federation,
) -> None:
    answers = await (await begin_bulk(pushed, {}, {"datasetprice": 1}, {"apprestrict": ZERO_ADDRESS})).released()
    facts = parse_facts(answers[0].facts)
    assert {answer.facts for answer in answers} == {answers[0].facts}
    assert facts.bulk
    assert [each and each.checksum for each in facts.bulk.datasets] == [DATASET_CHECKSUM, None, None]
    assert [each.check for each in facts.bulk.left_out] == ["7.19", "7.12"]
    assert (facts.dataset, facts.secrets, facts.release) == (None, (), "direct")
    for answer in answers:
        entries = [json.loads(logged.logged.entry) for logged in (answer.log, answer.bulk[0].log)]
        assert [entry["asset"] for entry in entries] == [ZERO_ADDRESS, pushed.market.dataset]
        assert [entry["facts"] for entry in entries] == [facts.digest()] * 2


async def test_a_vault_without_the_key_signs_the_same_facts_of_the_slice_and_releases_nothing(
    pushed: Federation, market: Market
) -> None:
    pushed.vaults[0].share_store.destroy(market.dataset, development_key("owner").address, at=1)
    answers = await (await begin_bulk(pushed, {})).released()
    assert {answer.facts for answer in answers} == {answers[0].facts}
    assert [len(answer.bulk) for answer in answers] == [0, 1, 1]


async def test_a_key_with_a_policy_of_ours_goes_to_no_bulk(market: Market, tmp_path: Path) -> None:
    before = await snapshot(market.node)
    async with federation_over(market, tmp_path) as federation:
        await federation.sell_model()
        answers = await (await begin_bulk(federation, {})).released()
        assert [answer.bulk for answer in answers] == [(), (), ()]
    await revert(market.node, before)


async def test_an_order_that_its_owner_closed_is_left_out_from_the_block_on_in_which_that_was(
    pushed: Federation, market: Market
) -> None:
    task = await begin_bulk(pushed, {})
    order = market.dataset_order(datasetprice=0, volume=BULK_VOLUME)
    await market.hub.cancel(market.wallet("owner"), order)
    closed = (await market.node.block()).number
    answers = await task.released(block=closed)
    facts = parse_facts(answers[0].facts)
    assert facts.bulk
    assert [each.check for each in facts.bulk.left_out] == ["7.18"]
    assert all(answer.bulk == () for answer in answers)


@pytest.mark.parametrize("block", [-1, 1 << 60], ids=["none", "not confirmed"])
async def test_17_a_block_that_is_not_confirmed_is_refused(pushed: Federation, block: int) -> None:
    task = await begin_bulk(pushed, {})
    with pytest.raises(ReleaseRefused) as caught:
        await task.released(block=block)
    assert caught.value.check == "7.17"


async def test_17_a_block_from_before_the_owner_may_have_changed_its_mind_is_refused(
    pushed: Federation, market: Market
) -> None:
    old = (await market.node.block()).number
    await market.node.rpc("evm_increaseTime", MAX_AGE_SECONDS + 60)
    task = await begin_bulk(pushed, {})
    pushed.clock.now += MAX_AGE_SECONDS + 60
    with pytest.raises(ReleaseRefused) as caught:
        await task.released(block=old)
    assert caught.value.check == "7.17"


async def test_17_another_slice_than_the_requesters_is_refused(pushed: Federation) -> None:
    task, other = await begin_bulk(pushed, {}), await begin_bulk(pushed, {}, {})
    with pytest.raises(ReleaseRefused) as caught:
        await task.released(slice=other.bulk.slice)
    assert caught.value.check == "7.17"


async def test_17_a_block_from_before_the_task_began_is_refused(pushed: Federation, market: Market) -> None:
    before = (await market.node.block()).number
    task = await begin_bulk(pushed, {})
    with pytest.raises(ReleaseRefused) as caught:
        await task.released(block=before)
    assert caught.value.check == "7.17"


HOSTILE = {
    "never ends": "5b600056",
    "invalid": "fe",
    "reverts": "5f5ffd",
    "says nothing": "5f5ff3",
    "says a megabyte": "620fffff5ff3",
    "reverts with a megabyte": "620fffff5ffd",
    "calls itself": "5f5f5f5f5f305af1",
}


@pytest.mark.parametrize("code", HOSTILE.values(), ids=HOSTILE)
async def test_an_owner_that_is_a_hostile_contract_leaves_out_its_own_dataset_alone(
    pushed: Federation, market: Market, code: str
) -> None:
    task = await begin_bulk(pushed, {})
    await market.node.rpc("anvil_setCode", development_key("owner").address, "0x" + code)
    await market.node.rpc("evm_mine")
    answers = await task.released(block=(await market.node.block()).number)
    facts = parse_facts(answers[0].facts)
    assert facts.bulk
    assert [each.check for each in facts.bulk.left_out] == ["7.18"]
