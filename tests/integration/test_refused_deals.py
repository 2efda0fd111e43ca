"""Refusals of three real vaults on a real market: whether they are settled, and how a preview predicts them."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.errors import DealRefused, EvidenceRefused, TooManyRequests
from sealgrid.poco.typed_data import order_hash
from sealgrid.units import ZERO_ADDRESS, DealId, TaskId
from sealgrid.vault.api import application
from sealgrid.vault.checks.refusals_at_match import PREVIEW_SECONDS
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.preview import PreviewRequest, Proposal, VaultOpinion, preview
from tests.contracts.scene import FUNDS, fund
from tests.integration.vault_federation import Federation

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]
CONTRIBUTION_SECONDS = 7 * 300  #: in category XS
REQUESTER = development_key("requester").address


async def later(federation: Federation, seconds: int = PREVIEW_SECONDS + 1) -> None:
    await advance(federation.market.node, seconds)
    federation.clock.now = (await federation.market.node.block()).timestamp


async def about(federation: Federation, request: PreviewRequest) -> list[VaultOpinion]:
    return [
        await preview(client.transport, request, vault, federation.market.domain)
        for client, vault in zip(federation.clients, federation.addresses, strict=True)
    ]


async def of_task(federation: Federation, deal: DealId) -> list[VaultOpinion]:
    enclave = await federation.begin(deal, 1)
    return await about(federation, PreviewRequest(task=enclave.task))


async def test_a_refusal_that_stood_before_the_match_comes_as_facts_without_a_key(federation: Federation) -> None:
    await federation.sell_model(refused=(REQUESTER,))
    await later(federation)
    deal = await federation.order()
    assert {(each.check, each.settles) for each in await of_task(federation, deal)} == {("7.10", True)}
    session = await (await federation.begin(deal)).released()
    facts, market = session.facts, federation.market
    assert len({answer.facts for answer in session.answers}) == 1
    assert (facts.refusal, facts.secrets, facts.inputs, facts.release) == ("7.10", (), (), "direct")
    assert [answer.shares for answer in session.answers] == [()] * 3
    for vault in federation.vaults:
        assert (
            vault.task_store.use_ledger.count_in_hour(market.dataset, REQUESTER, excluding="", at=federation.clock.now)
            == 0
        )
    assert all(f'"asset":"{ZERO_ADDRESS}"' in answer.log.logged.entry for answer in session.answers)


async def test_a_policy_that_an_owner_changed_a_moment_before_the_match_or_after_it_settles_nothing(
    federation: Federation,
) -> None:
    await federation.sell_model()
    await later(federation)
    await federation.sell_model(version=2, refused=(REQUESTER,))
    deal = await federation.order()
    assert {(each.check, each.settles) for each in await of_task(federation, deal)} == {("7.10", False)}
    with pytest.raises(DealRefused) as caught:
        await (await federation.begin(deal)).released()
    assert caught.value.check == "7.10"


async def test_one_vault_that_knows_another_policy_signs_other_facts(federation: Federation) -> None:
    await federation.sell_model(refused=(REQUESTER,))
    await later(federation)
    deal = await federation.order()
    enclave = await federation.begin(deal)
    assert {each.settles for each in await of_task(federation, deal)} == {True}
    federation.vaults[0].share_store.delete_policy(federation.market.dataset, development_key("owner").address)
    request = enclave.evidence(await enclave.nonces())
    with pytest.raises(DealRefused) as caught:
        await federation.clients[0].release(request)
    assert caught.value.check == "7.2"


async def test_a_requester_that_asks_for_more_uses_than_an_hour_allows_pays_for_it(federation: Federation) -> None:
    await federation.sell_model(uses_per_requester_hour=1)
    await later(federation)
    deal = await federation.order()
    assert not (await (await federation.begin(deal)).released()).facts.refusal
    assert (await (await federation.begin(deal, 1)).released()).facts.refusal == "7.4"


def proposal(federation: Federation, **changes: object) -> PreviewRequest:
    market = federation.market
    request = market.request(params='{"sealgrid":{"result_key":"0x' + federation.result_key.public.hex() + '"}}')
    usual = {
        "app": market.app,
        "dataset": market.dataset,
        "workerpool": market.pool,
        "requester": REQUESTER,
        "beneficiary": REQUESTER,
        "params": request.params,
        "tag": request.tag,
        "request": order_hash(request, market.orders),
    }
    return PreviewRequest(proposal=Proposal(**usual | changes))


@pytest.mark.parametrize(
    ("check", "terms", "changes"),
    [
        ("", {}, {}),
        ("7.10", {"refused": (REQUESTER,)}, {}),
        ("5", {"allowed": ()}, {}),
        ("7.3", {}, {"callback": development_key("stranger").address}),
        ("7.4", {"uses_per_requester_hour": 2}, {"tasks": 3}),
        ("", {"uses_per_requester_hour": 2}, {"tasks": 2}),
        ("7.9", {"uses_total": 1}, {"tasks": 2}),
        ("7", {}, {"params": "no JSON"}),
        (
            "7.5",
            {},
            {"params": '{"sealgrid":{"result_key":"0x' + "09" + "00" * 31 + '","inputs":["0x' + "55" * 32 + '"]}}'},
        ),
        ("6", {}, {"tag": "0x" + "00" * 32}),
    ],
)
async def test_a_preview_of_a_proposed_deal_decides_as_a_release_would(
    federation: Federation, check: str, terms: dict[str, object], changes: dict[str, object]
) -> None:
    await federation.sell_model(**terms)
    opinions = await about(federation, proposal(federation, **changes))
    assert {each.check for each in opinions} == {check}
    assert not any(each.settles for each in opinions), "a deal that nobody made settles nothing"


async def test_a_preview_counts_no_use_that_can_no_longer_be_paid(federation: Federation) -> None:
    await federation.sell_model(uses_total=1)
    await (await federation.begin(await federation.order())).released()
    assert {each.check for each in await about(federation, proposal(federation))} == {"7.9"}
    await later(federation, CONTRIBUTION_SECONDS)
    assert {each.check for each in await about(federation, proposal(federation))} == {""}


async def test_a_preview_is_believed_of_the_vault_that_signed_it_alone(federation: Federation) -> None:
    await federation.sell_model()
    first, second = federation.clients[0].transport, federation.addresses[1]
    with pytest.raises(EvidenceRefused):
        await preview(first, proposal(federation), second, federation.market.domain)


async def test_previews_are_limited_for_each_address_and_minute(federation: Federation) -> None:
    await federation.sell_model()
    vault = federation.vaults[0]
    app = application(replace(vault, rules=replace(vault.rules, previews_per_minute=2)))
    async with HttpTransport("http://127.0.0.1", http=httpx.ASGITransport(app)) as limited:
        for _ in range(2):
            await preview(limited, proposal(federation), vault.address, federation.market.domain)
        with pytest.raises(TooManyRequests):
            await preview(limited, proposal(federation), vault.address, federation.market.domain)


async def test_7_22_a_key_that_opened_nothing_goes_to_no_later_task_until_its_owner_deposits_another(
    federation: Federation,
) -> None:
    await federation.sell_model()
    deal, asset = await federation.order(tasks=3), (federation.market.dataset, development_key("owner").address)
    session = await (await federation.begin(deal)).released()
    result = await session.seal(ended="unopened")
    assert {each.check for each in await about(federation, proposal(federation))} == {""}
    await result.settled(0, 1)
    assert [(await client.asset(*asset)).unopened for client in federation.clients] == [session.enclave.task] * 2 + [""]
    opinions = await about(federation, proposal(federation))
    assert [each.check for each in opinions] == ["7.22", "7.22", ""], "who saw the receipt refuses, and that are t of n"
    enclave = await federation.begin(deal, 1)
    request = enclave.evidence(await enclave.nonces())
    for client in federation.clients[:2]:
        with pytest.raises(DealRefused) as caught:
            await client.release(request)
        assert caught.value.check == "7.22"
    await federation.sell_model(version=2)
    assert {each.check for each in await about(federation, proposal(federation))} == {""}
    assert not (await (await federation.begin(deal, 2)).released()).facts.refusal
    assert [(await client.asset(*asset)).unopened for client in federation.clients] == [""] * 3


async def test_a_receipt_of_an_app_that_failed_marks_no_key(federation: Federation) -> None:
    await federation.sell_model()
    session = await (await federation.begin(await federation.order())).released()
    await (await session.seal(ended="app-failed")).settled(0, 1, 2)
    assert {each.check for each in await about(federation, proposal(federation))} == {""}


async def fund_owner(federation: Federation) -> None:
    market, owner = federation.market, development_key("owner").address
    await fund(market.wallet("admin"), market.deployment.token, owner, FUNDS)
    await market.hub.deposit(market.wallet("owner"), FUNDS)


async def test_7_23_a_key_goes_to_its_owner_alone_until_an_enclave_opened_the_file_with_this_very_version(
    federation: Federation,
) -> None:
    await federation.sell_model(proved=True)
    await fund_owner(federation)
    asset = (federation.market.dataset, development_key("owner").address)
    early = await federation.order()
    assert {(each.check, each.settles) for each in await of_task(federation, early)} == {("7.23", False)}
    own = await federation.order(by="owner", tasks=3)
    failed = await (await federation.begin(own)).released()
    await (await failed.seal(ended="app-failed")).settled(0, 1, 2)
    assert {each.check for each in await about(federation, proposal(federation))} == {"7.23"}, "it opened nothing"
    proof = await (await federation.begin(own, 1)).released()
    await (await proof.seal(ended="app-failed", opened=True)).settled(0, 1)
    assert [(await client.asset(*asset)).opened for client in federation.clients] == [proof.enclave.task] * 2 + [""]
    assert [each.check for each in await about(federation, proposal(federation))] == ["", "", "7.23"], "t of n know it"
    again = await (await federation.begin(own, 2)).released()
    await (await again.seal(opened=True)).settled(0, 1, 2)
    assert {each.check for each in await about(federation, proposal(federation))} == {""}, "another own run tells all"
    assert not (await (await federation.begin(early, 0)).released()).facts.refusal


async def test_a_deal_that_was_made_under_a_proved_key_is_served_by_the_next_version_and_a_later_deal_is_not(
    federation: Federation,
) -> None:
    await federation.sell_model(proved=True)
    await fund_owner(federation)
    own = await federation.order(by="owner")
    proof = await (await federation.begin(own)).released()
    await (await proof.seal(opened=True)).settled(0, 1, 2)
    before = await federation.order()
    federation.clock.now += 10  # and no block since: a proposal is of now, not of the chain's last block
    await federation.sell_model(proved=True, version=2)
    assert {each.check for each in await about(federation, proposal(federation))} == {"7.23"}
    await later(federation, 20)
    assert not (await (await federation.begin(before)).released()).facts.refusal
    after = await federation.order(version=2)
    with pytest.raises(DealRefused) as caught:
        await (await federation.begin(after)).released()
    assert caught.value.check == "7.23"


async def test_one_vault_that_makes_a_proof_up_releases_nothing_to_others(federation: Federation) -> None:
    record = await federation.sell_model(proved=True)
    deal = await federation.order()
    liar = federation.vaults[0]
    liar.opened_keys.note(liar.share_store.find(record.asset, record.owner).record_digest, TaskId("0x" + "11" * 32), 1)
    opinions = await about(federation, proposal(federation))
    assert [each.check for each in opinions] == ["", "7.23", "7.23"]
    with pytest.raises(DealRefused):
        await (await federation.begin(deal)).released()
