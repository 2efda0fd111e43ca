"""The request order of a deal: found however the deal was made, and in the vaults' facts as PoCo accepted its signature."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sealgrid.chain.abi import interface
from sealgrid.chain.hub import order_values
from sealgrid.chain.matches import MatchRecord, find_match
from sealgrid.errors import ReleaseRefused
from sealgrid.poco.ids import deal_id
from sealgrid.poco.orders import NO_DATASET_ORDER, Order, RequestOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import order_hash
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import ZERO_ADDRESS, DealId, to_digest
from tests.contracts.mocks import Mock
from tests.contracts.scene import FUNDS, Market
from tests.integration.vault_enclave import Enclave
from tests.integration.vault_federation import Federation

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]
PARAMS = '{"sealgrid":{"result_key":"0x' + "5a" * 32 + '"}}'
HUB = interface("Hub")
replace = msgspec.structs.replace


def request_order(market: Market, **changes: Any) -> RequestOrder:
    """A request for a run without a dataset, as Sealgrid's client writes it."""
    usual = {
        "dataset": ZERO_ADDRESS,
        "datasetmaxprice": 0,
        "params": PARAMS,
        "volume": 1,
        "salt": to_digest(os.urandom(32)),
    }
    return market.request(category=market.deployment.categories["XS"], **usual | changes)


def four(market: Market, request: RequestOrder) -> tuple[Order, ...]:
    pool = market.pool_order(category=request.category)
    return market.app_order(tag=TEE_TAG), NO_DATASET_ORDER, pool, request


async def matched(market: Market, request: RequestOrder) -> DealId:
    return await market.hub.match_orders(market.wallet("requester"), *four(market, request))


def calldata(market: Market, request: RequestOrder, function: str = "matchOrders") -> bytes:
    return HUB.call_data(function, *(order_values(order) for order in four(market, request)))


async def released(federation: Federation, enclave: Enclave, shown: RequestDocument | None) -> list[str]:
    """Return what each vault's facts call the requester's signature, after the enclave's own checks on them."""
    nonces = await enclave.nonces()
    evidence, data = replace(enclave.evidence(nonces), request=shown), enclave.report_data(nonces)
    answers = [enclave.answer(await client.release(evidence), data) for client in federation.clients]
    assert len({answer.facts for answer in answers}) == 1
    facts = msgspec.json.decode(answers[0].facts)
    return [facts["requester_signature"]]


async def kind_of(federation: Federation, deal: DealId) -> str:
    enclave = await federation.begin(deal)
    assert enclave.request is not None
    return (await released(federation, enclave, enclave.request))[0]


async def refusal(federation: Federation, enclave: Enclave, shown: RequestDocument | None) -> str:
    nonces = await enclave.nonces()
    with pytest.raises(ReleaseRefused) as caught:
        await federation.clients[0].release(replace(enclave.evidence(nonces), request=shown))
    return caught.value.check


async def found_in(market: Market, deal: DealId) -> MatchRecord:
    found = await find_match(market.hub, await market.hub.view_deal(deal))
    assert found is not None
    return found


async def test_the_requesters_own_signature_is_read_from_the_calldata_and_stated_as_eoa(federation: Federation) -> None:
    request = request_order(federation.market)
    deal = await matched(federation.market, request)
    assert (await found_in(federation.market, deal)).request == request
    assert await kind_of(federation, deal) == "eoa"


async def test_a_sponsored_deal_has_its_requesters_signature_too(federation: Federation) -> None:
    market, request = federation.market, request_order(federation.market)
    deal = await market.hub.sponsor_match_orders(market.wallet("pool"), *four(market, request))
    assert await kind_of(federation, deal) == "eoa"


async def test_an_order_signed_by_a_transaction_is_stated_as_presigned(federation: Federation) -> None:
    market, request = federation.market, replace(request_order(federation.market), sign=b"")
    await market.hub.presign(market.wallet("requester"), request)
    deal = await matched(market, request)
    assert await kind_of(federation, deal) == "presigned"


async def signing_contract(market: Market) -> Mock:
    contract = await Mock.deploy("SigningOwner", market.wallet("stranger"))
    await market.hub.deposit_for(market.wallet("requester"), FUNDS // 10, contract.address)
    return contract


async def bought_by(market: Market, contract: Mock) -> DealId:
    request = request_order(market, requester=contract.address, beneficiary=contract.address)
    request = replace(request, sign=b"what only this contract understands")
    await contract.call("approve", bytes.fromhex(order_hash(request, market.orders)[2:]))
    return await matched(market, request)


async def test_a_contracts_signature_is_stated_as_contract(federation: Federation) -> None:
    contract = await signing_contract(federation.market)
    assert await kind_of(federation, await bought_by(federation.market, contract)) == "contract"


async def test_21_a_worker_that_shows_no_order_or_takes_its_signature_off_gets_no_key(federation: Federation) -> None:
    enclave = await federation.begin(await matched(federation.market, request_order(federation.market)))
    assert enclave.request is not None
    assert await refusal(federation, enclave, None) == "7.21"
    again = await federation.begin(await matched(federation.market, request_order(federation.market)))
    assert again.request is not None
    assert await refusal(federation, again, replace(again.request, sign=b"")) == "7.21"


async def test_21_a_signature_that_the_contract_did_not_give_is_refused(federation: Federation) -> None:
    market = federation.market
    enclave = await federation.begin(await bought_by(market, await signing_contract(market)))
    assert enclave.request is not None
    assert await refusal(federation, enclave, replace(enclave.request, sign=b"revert")) == "7.21"


async def test_21_the_order_of_another_deal_is_refused(federation: Federation) -> None:
    other = await federation.begin(await matched(federation.market, request_order(federation.market)))
    enclave = await federation.begin(await matched(federation.market, request_order(federation.market)))
    assert await refusal(federation, enclave, other.request) == "7.21"


async def test_the_second_deal_of_one_order_has_the_same_order_and_another_first_index(federation: Federation) -> None:
    market, request = federation.market, request_order(federation.market, volume=2)
    for index in (0, 1):
        pool = market.pool_order(category=request.category, volume=1, salt=to_digest(os.urandom(32)))
        app = market.app_order(tag=TEE_TAG)
        deal = await market.hub.match_orders(market.wallet("requester"), app, NO_DATASET_ORDER, pool, request)
        assert deal == deal_id(order_hash(request, market.orders), index)
        enclave = await federation.begin(deal, index)
        assert enclave.request is not None
        assert await released(federation, enclave, enclave.request) == ["eoa"]


# Deals that another contract's call made.


async def forwarded(market: Market, request: RequestOrder, before: bytes, behind: bytes = b"") -> DealId:
    forwarder = await Mock.deploy("Forwarder", market.wallet("stranger"))
    await forwarder.call("forward", before, market.hub.address, calldata(market, request), behind)
    return deal_id(order_hash(request, market.orders), 0)


async def test_an_order_is_found_inside_the_calldata_of_the_contract_that_called_the_hub(
    federation: Federation,
) -> None:
    market, request = federation.market, request_order(federation.market)
    deal = await forwarded(market, request, bytes(32))
    assert (await found_in(market, deal)).request == request
    assert await kind_of(federation, deal) == "eoa"


async def test_bytes_that_only_look_like_a_call_of_the_hub_hide_no_order(federation: Federation) -> None:
    market, request = federation.market, request_order(federation.market)
    decoy = HUB.selector("matchOrders")
    broken = decoy + b"\xff" * 28
    behind = calldata(market, request_order(market))[:900]
    deal = await forwarded(market, request, broken, behind)
    assert (await found_in(market, deal)).request == request


async def test_where_a_contract_makes_the_order_itself_its_hash_is_what_the_worker_asks_the_market_for(
    federation: Federation,
) -> None:
    market, request = federation.market, request_order(federation.market)
    forwarder = await Mock.deploy("Forwarder", market.wallet("stranger"))
    await forwarder.call("store", calldata(market, request))
    await forwarder.call("forward_stored", market.hub.address)
    digest = order_hash(request, market.orders)
    found = await found_in(market, deal_id(digest, 0))
    assert (found.request, found.request_hash) == (None, digest)
    enclave = await federation.begin(deal_id(digest, 0))
    assert await released(federation, enclave, RequestDocument.of(request)) == ["eoa"]
