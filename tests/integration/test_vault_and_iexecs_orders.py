"""A key pushed by iExec's route follows the dataset order that the chain matched, not the worker's document."""

import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sealgrid.chain.matches import find_match
from sealgrid.crypto.digests import keccak256
from sealgrid.errors import ReleaseRefused
from sealgrid.poco.orders import DatasetOrder, to_document
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.wire.vault import MatchedOrder, ReleaseRequest
from tests.integration.vault_enclave import Enclave
from tests.integration.vault_federation import MODEL_DEK, Federation

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]
PARAMS = '{"iexec_args":"--fast","iexec_result_storage_provider":"ipfs"}'


async def sold(federation: Federation, **order: Any) -> tuple[Enclave, MatchedOrder]:
    """Match a deal as iExec's client does; return its enclave, and the order as an honest worker finds it."""
    market = federation.market
    category = market.deployment.categories["XS"]
    request = market.request(category=category, params=PARAMS, volume=1, salt=to_digest(os.urandom(32)))
    deal = await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(),
        market.dataset_order(**order),
        market.pool_order(category=category),
        request,
    )
    enclave = await federation.begin(deal)
    found = await find_match(market.hub, await market.hub.view_deal(deal))
    assert found is not None
    assert found.dataset is not None
    return enclave, MatchedOrder(block=found.block, order=to_document(found.dataset))


async def evidence(enclave: Enclave, shown: MatchedOrder | None) -> tuple[ReleaseRequest, bytes]:
    nonces = await enclave.nonces()
    return msgspec.structs.replace(enclave.evidence(nonces), matched=shown), enclave.report_data(nonces)


async def refusal(federation: Federation, enclave: Enclave, shown: MatchedOrder | None) -> str:
    request, _ = await evidence(enclave, shown)
    with pytest.raises(ReleaseRefused) as caught:
        await federation.clients[0].release(request)
    return caught.value.check


async def test_the_matched_order_that_names_the_app_releases_the_key_with_the_values_hash(pushed: Federation) -> None:
    enclave, shown = await sold(pushed)
    request, data = await evidence(enclave, shown)
    answer = enclave.answer(await pushed.clients[0].release(request), data)
    assert [share.index for share in answer.shares] == [1]
    facts = msgspec.json.decode(answer.facts)
    assert (facts["secrets"][0]["kind"], facts["release"], facts["params"]) == ("iexec", "direct", PARAMS)
    assert facts["secrets"][0]["value"] == to_digest(keccak256(b64encode(MODEL_DEK)))


async def test_11_without_an_order_nothing_is_released(pushed: Federation) -> None:
    enclave, _ = await sold(pushed)
    assert await refusal(pushed, enclave, None) == "7.11"


async def test_11_an_order_of_the_owners_that_this_deal_was_not_matched_from_is_refused(pushed: Federation) -> None:
    enclave, shown = await sold(pushed, apprestrict=ZERO_ADDRESS)
    better = shown.order | {"apprestrict": pushed.market.app}
    assert await refusal(pushed, enclave, msgspec.structs.replace(shown, order=better)) == "7.11"


async def test_11_an_order_of_an_earlier_deal_is_refused_for_a_later_one(pushed: Federation) -> None:
    _, first = await sold(pushed)
    later, _ = await sold(pushed, apprestrict=ZERO_ADDRESS)
    assert await refusal(pushed, later, first) == "7.11"


@pytest.mark.parametrize("block", [0, -1, 1 << 60], ids=["another", "none", "not confirmed"])
async def test_11_a_block_that_does_not_hold_the_deal_is_refused(pushed: Federation, block: int) -> None:
    enclave, shown = await sold(pushed)
    assert await refusal(pushed, enclave, msgspec.structs.replace(shown, block=block)) == "7.11"


async def test_12_an_order_that_is_open_to_any_app_is_refused_and_settled(pushed: Federation) -> None:
    enclave, shown = await sold(pushed, apprestrict=ZERO_ADDRESS)
    request, data = await evidence(enclave, shown)
    answer = enclave.answer(await pushed.clients[0].release(request), data)
    assert (msgspec.json.decode(answer.facts)["refusal"], answer.shares) == ("7.12", ())


async def test_the_matched_dataset_order_comes_with_the_block_of_its_deal(pushed: Federation) -> None:
    enclave, shown = await sold(pushed, salt=to_digest(b"\x31" * 32))
    assert shown.order["salt"] == to_digest(b"\x31" * 32)
    assert shown.order["sign"] == "0x"
    assert {*shown.order} == {name for _, name in DatasetOrder.TYPES} | {"sign"}
    assert shown.block < (await pushed.market.node.block()).number  # the pool's transaction came after it
    assert enclave.deal
