"""Vaults against a real chain: a whole confidential task, and every refusal that depends on the chain."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import InputGrant
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig, advance, revert, snapshot
from sealgrid.chain.node import Node
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ContainerRefused, ContractReverted, InputRefused, NotFound, ReleaseRefused, SharesRefused
from sealgrid.poco.tags import NO_TAG
from sealgrid.poco.typed_data import order_hash
from sealgrid.units import ZERO_ADDRESS, Address, to_digest
from sealgrid.vault.api import application
from sealgrid.vault.checks.deposit import input_asset
from sealgrid.vault.config import VaultConfig
from sealgrid.vault.handlers.settled_files import sealed_limit
from sealgrid.vault.runner import opened
from sealgrid.vault.stores.input_expiry import InputExpiry
from sealgrid.wire.message import encode
from sealgrid.wire.vault import DepositRequest, NonceRequest, PolicyRequest
from tests.contracts.scene import DATASET_CHECKSUM, Market, open_market
from tests.integration.vault_federation import (
    K2,
    MODEL_DEK,
    PICTURE,
    PICTURE_DEK,
    RUNTIME,
    Federation,
    Result,
    federation_over,
    push_as_iexec,
    share_deposits,
)

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
async def market() -> AsyncIterator[Market]:
    config = AnvilConfig(binary=ROOT / ".cache/anvil/bin/anvil")
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        yield await open_market(node, ROOT / ".cache/poco")


@pytest.fixture
async def federation(market: Market, tmp_path: Path) -> AsyncIterator[Federation]:
    before = await snapshot(market.node)
    async with federation_over(market, tmp_path) as vaults:
        await vaults.sell_model()
        yield vaults
    await revert(market.node, before)


@pytest.fixture
async def unsold(market: Market, tmp_path: Path) -> AsyncIterator[Federation]:
    """Vaults to which nobody gave a key yet."""
    before = await snapshot(market.node)
    async with federation_over(market, tmp_path) as vaults:
        yield vaults
    await revert(market.node, before)


async def test_a_key_pushed_by_iexecs_route_is_kept_once_takes_no_policy_and_goes_to_no_task_without_its_order(
    unsold: Federation,
) -> None:
    owner, dataset = development_key("owner"), unsold.market.dataset
    await push_as_iexec(unsold, owner)
    kept = unsold.vaults[0].custody.share(dataset, owner.address)
    assert kept is not None
    assert kept.value_hash == to_digest(keccak256(b64encode(MODEL_DEK)))
    with pytest.raises(SharesRefused) as again:
        await push_as_iexec(unsold, owner, b"\x77" * 32)
    assert again.value.check == "iexec-deposit.5"
    policy = Policy(
        asset=dataset, owner=owner.address, version=1, expiry=1 << 40, allowed=(), uses_per_requester_hour=1
    )
    with pytest.raises(SharesRefused) as refused:
        await unsold.clients[0].set_policy(
            PolicyRequest(policy=policy, signature=policy.sign(unsold.market.domain, owner))
        )
    assert refused.value.check == "policy.6"
    enclave = await unsold.begin(await unsold.order())
    with pytest.raises(ReleaseRefused) as kept_back:
        await enclave.released()
    assert kept_back.value.check == "7.11"


async def test_an_owner_who_deposits_a_pushed_key_anew_sells_it_under_its_own_policy(unsold: Federation) -> None:
    await push_as_iexec(unsold, development_key("owner"))
    await unsold.sell_model(version=2)
    session = await (await unsold.begin(await unsold.order())).released()
    assert session.key(DATASET_CHECKSUM) == MODEL_DEK


async def test_a_stranger_cannot_push_a_key_for_anothers_dataset(unsold: Federation) -> None:
    with pytest.raises(SharesRefused) as caught:
        await push_as_iexec(unsold, development_key("stranger"))
    assert caught.value.check == "iexec-deposit.4"


async def test_an_attested_enclave_gets_the_keys_that_follow_from_the_deal(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    session = await enclave.released()
    assert len({answer.facts for answer in session.answers}) == 1
    assert session.key(DATASET_CHECKSUM) == MODEL_DEK
    assert session.key(PICTURE) == PICTURE_DEK
    facts = session.facts
    assert (facts.task, facts.enclave, facts.worker) == (enclave.task, enclave.signing.address, enclave.worker)
    assert (facts.attempt, facts.release, facts.requester) == (1, "escrow", development_key("requester").address)


async def test_a_nonce_buys_one_release(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    session = await enclave.released()
    with pytest.raises(ReleaseRefused) as caught:
        await federation.clients[0].release(session.request)
    assert caught.value.check == "1"


async def test_a_nonce_expires(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    request = enclave.evidence(await enclave.nonces())
    federation.clock.now += 120
    with pytest.raises(ReleaseRefused) as caught:
        await federation.clients[0].release(request)
    assert caught.value.check == "1"


async def test_a_worker_without_the_pools_word_gets_no_nonce(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    said = enclave.authorization
    forged = said.__class__(
        task=said.task, worker=said.worker, enclave=said.enclave, signature=development_key("worker").sign(b"\1" * 32)
    )
    with pytest.raises(ReleaseRefused) as caught:
        await federation.clients[0].nonce(NonceRequest(authorization=forged))
    assert caught.value.check == "1.2"


async def test_a_task_that_the_chain_does_not_know_is_not_found(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    unknown = replace(enclave, task=to_digest(b"\xee" * 32))
    with pytest.raises(NotFound):
        await unknown.nonces()


async def test_a_second_enclave_needs_the_pools_reassign(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    await enclave.nonces()
    second = replace(enclave, signing=SigningKey.generate())
    with pytest.raises(ReleaseRefused) as caught:
        await second.nonces()
    assert caught.value.check == "1.4"
    await second.nonces(second.reassigned(2))
    with pytest.raises(ReleaseRefused):
        await enclave.nonces()


async def test_another_runtime_is_refused(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    request = enclave.evidence(await enclave.nonces(), mrtd=b"\x0d" * 48)
    with pytest.raises(ReleaseRefused) as caught:
        await federation.clients[0].release(request)
    assert caught.value.check == "5"


async def test_a_runtime_that_the_broker_forbade_is_refused(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    await federation.market.broker.forbid_runtime(federation.market.wallet("admin"), RUNTIME)
    with pytest.raises(ReleaseRefused) as caught:
        await enclave.released()
    assert caught.value.check == "5"


async def test_another_app_than_the_deals_is_refused(federation: Federation) -> None:
    enclave = replace(await federation.begin(await federation.order()), app=to_digest(b"\xab" * 32))
    with pytest.raises(ReleaseRefused) as caught:
        await enclave.released()
    assert caught.value.check == "6"


async def test_a_deal_without_the_tee_bit_is_refused(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order(tag=NO_TAG))
    with pytest.raises(ReleaseRefused) as caught:
        await enclave.released()
    assert caught.value.check == "6"


async def test_a_hub_without_our_broker_is_refused(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    market = federation.market
    await market.wallet("admin").call(market.hub.address, "Hub", "setTeeBroker", ZERO_ADDRESS)
    with pytest.raises(ReleaseRefused) as caught:
        await enclave.released()
    assert caught.value.check == "6"


async def test_a_task_past_its_deadline_is_refused(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order(category="Short"))
    request = enclave.evidence(await enclave.nonces())
    await advance(federation.market.node, 7 * 30)
    with pytest.raises(ReleaseRefused) as caught:
        await federation.clients[0].release(request)
    assert caught.value.check == "6"


async def test_a_refunded_task_gets_no_nonce(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order(category="Short"))
    await advance(federation.market.node, 10 * 30)
    await federation.market.hub.claim(federation.market.wallet("stranger"), enclave.task)
    with pytest.raises(ReleaseRefused) as caught:
        await enclave.nonces()
    assert caught.value.check == "1.1"


async def test_a_model_that_was_sold_is_not_released_under_its_old_owners_word(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    market = federation.market
    await market.assets.transfer(market.wallet("owner"), "Dataset", market.dataset, development_key("stranger").address)
    with pytest.raises(ReleaseRefused) as caught:
        await enclave.released()
    assert caught.value.check == "7.1"
    with pytest.raises(SharesRefused) as refused:
        await federation.sell_model()
    assert refused.value.check == "deposit.4"


SECRET, SECRET_DEK = to_digest(b"\xda" * 32), b"\x64" * 32


async def test_the_developers_secret_goes_to_every_task_of_its_app(federation: Federation) -> None:
    await federation.deposit(development_key("developer"), federation.market.app, SECRET, SECRET_DEK)
    deal = await federation.order()
    for index in (0, 1):
        session = await (await federation.begin(deal, index)).released()
        assert [secret.kind for secret in session.facts.secrets] == ["dataset", "input", "developer"]
        assert session.key(SECRET) == SECRET_DEK
        assert (session.facts.bot_first, session.facts.bot_size, session.facts.index) == (0, 2, index)


async def test_an_apps_secret_is_taken_from_its_owner_only(federation: Federation) -> None:
    with pytest.raises(SharesRefused) as caught:
        await federation.deposit(development_key("stranger"), federation.market.app, SECRET, SECRET_DEK)
    assert caught.value.check == "deposit.4"


async def test_the_secret_of_an_app_that_was_sold_is_not_released_to_the_new_owners_tasks(
    federation: Federation,
) -> None:
    market, developer, stranger = federation.market, development_key("developer"), development_key("stranger")
    await federation.deposit(developer, market.app, SECRET, SECRET_DEK)
    enclave = await federation.begin(await federation.order())
    await market.assets.transfer(market.wallet("developer"), "App", market.app, stranger.address)
    session = await enclave.released()
    assert [secret.kind for secret in session.facts.secrets] == ["dataset", "input"]
    with pytest.raises(SharesRefused) as caught:
        await federation.deposit(developer, market.app, SECRET, SECRET_DEK)
    assert caught.value.check == "deposit.4"


async def test_a_secret_of_another_app_is_not_released(federation: Federation) -> None:
    market, developer = federation.market, development_key("developer")
    other = await market.assets.create_app(
        market.wallet("developer"), name="another", multiaddr="/ipfs/x", checksum=to_digest(b"\xab" * 32)
    )
    await federation.deposit(developer, other, SECRET, SECRET_DEK)
    session = await (await federation.begin(await federation.order())).released()
    assert "developer" not in {secret.kind for secret in session.facts.secrets}


async def test_an_owner_who_withdraws_its_policy_stops_the_next_release(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    market, owner = federation.market, development_key("owner")
    for client in federation.clients:
        view = await client.asset(market.dataset, owner.address)
        nothing = view.policy.__class__(
            asset=market.dataset,
            owner=owner.address,
            version=2,
            expiry=view.policy.expiry,
            allowed=(),
            uses_per_requester_hour=0,
        )
        await client.set_policy(PolicyRequest(policy=nothing, signature=nothing.sign(market.domain, owner)))
    with pytest.raises(ReleaseRefused) as caught:
        await enclave.released()
    assert caught.value.check == "5"
    with pytest.raises(SharesRefused):
        await federation.clients[0].set_policy(PolicyRequest(policy=view.policy, signature=view.policy_signature))


async def test_an_input_that_nobody_deposited_is_refused_and_settled(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order(inputs=(PICTURE, to_digest(b"\xcd" * 32))))
    session = await enclave.released()
    assert session.facts.refusal == "7.5"
    assert [answer.shares for answer in session.answers] == [()] * 3


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def a_result(federation: Federation, **order: Any) -> Result:
    enclave = await federation.begin(await federation.order(**order))
    return await (await enclave.released()).seal()


async def refused_opening(result: Result) -> str:
    with pytest.raises(ReleaseRefused) as caught:
        await result.opened()
    return caught.value.check


async def test_a_settled_result_is_paid_and_only_then_opens(federation: Federation) -> None:
    result = await a_result(federation)
    assert await refused_opening(result) == "open.1"
    verdicts = await result.settled(0, 1)
    assert await refused_opening(result) == "open.2"
    await result.publish(verdicts)
    assert await result.opened() == K2


async def test_a_stolen_opening_is_of_no_use_without_the_result_key(federation: Federation) -> None:
    result = await a_result(federation)
    await result.publish(await result.settled(0, 1))
    thief = replace(federation, result_key=federation.result_key.generate())
    enclave = replace(result.session.enclave, federation=thief)
    with pytest.raises(ContainerRefused):
        await replace(result, session=replace(result.session, enclave=enclave)).opened()


async def test_the_verdict_of_one_vault_does_not_pay(federation: Federation) -> None:
    result = await a_result(federation)
    with pytest.raises(ContractReverted):
        await result.publish(await result.settled(0))
    assert await refused_opening(result) == "open.2"


async def test_the_same_settle_again_gets_the_same_verdict(federation: Federation) -> None:
    result = await a_result(federation)
    request = result.request(0)
    first, again = [await federation.clients[0].settle(request) for _ in range(2)]
    assert first == again
    federation.clock.now += 60
    assert await federation.clients[0].settle(result.request(0)) == first


async def test_an_enclave_settles_one_result_only(federation: Federation) -> None:
    result = await a_result(federation)
    await result.settled(0)
    other = await result.session.seal(b"another result")
    with pytest.raises(ReleaseRefused) as caught:
        await other.settled(0)
    assert caught.value.check == "settle.3"


async def test_a_settled_task_gets_no_second_run(federation: Federation) -> None:
    result = await a_result(federation)
    await result.settled(0, 1)
    second = replace(result.session.enclave, signing=SigningKey.generate())
    with pytest.raises(ReleaseRefused) as caught:
        await second.nonces(second.reassigned(2))
    assert caught.value.check == "1.3"


async def test_a_result_that_was_not_uploaded_gets_no_verdict(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    kept = await (await enclave.released()).seal(sealed_sha256=to_digest(b"\xef" * 32))
    with pytest.raises(ReleaseRefused) as caught:
        await kept.settled(0)
    assert caught.value.check == "settle.5"


async def test_a_result_above_the_owners_cap_gets_no_verdict(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    large = await (await enclave.released()).seal(bytes(sealed_limit(1 << 20) + 1))
    with pytest.raises(ReleaseRefused) as caught:
        await large.settled(0)
    assert caught.value.check == "settle.5"


async def test_a_digest_that_does_not_follow_from_the_receipt_gets_no_verdict(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    forged = await (await enclave.released()).seal(result_digest=to_digest(b"\xef" * 32))
    with pytest.raises(ReleaseRefused) as caught:
        await forged.settled(0)
    assert caught.value.check == "settle.6"


async def test_a_result_after_the_deadline_gets_no_verdict_and_stays_shut(federation: Federation) -> None:
    result = await a_result(federation, category="Short")
    await result.settled(0)
    market = federation.market
    await advance(market.node, 7 * 30)
    with pytest.raises(ReleaseRefused) as caught:
        await result.settled(1)
    assert caught.value.check == "settle.7"
    await advance(market.node, 3 * 30)
    await market.hub.claim(market.wallet("requester"), result.settle.task)
    assert await refused_opening(result) == "open.2"


@pytest.mark.parametrize("path", ["deposits", "policies", "nonces", "releases", "settlements", "openings"])
async def test_what_is_no_message_is_refused_in_one_sentence(federation: Federation, path: str) -> None:
    for body in (b"", b"{}", b"[]", b"\xff", b'{"surprise": 1}'):
        with pytest.raises(InputRefused):
            await federation.transport.request("POST", f"/{path}", body)


async def test_an_asset_that_nobody_deposited_is_not_found(federation: Federation) -> None:
    with pytest.raises(NotFound):
        await federation.clients[0].asset(federation.market.dataset, development_key("stranger").address)
    with pytest.raises(InputRefused):
        await federation.clients[0].asset(Address("0x12"), Address("0x34"))


async def test_vaults_forget_nothing_over_a_restart(federation: Federation) -> None:
    result = await a_result(federation)
    await result.publish(await result.settled(0, 1))
    for vault in federation.vaults:
        vault.store.close()
    assert await result.opened() == K2


async def test_nothing_of_a_key_lies_in_the_clear_on_a_vaults_disk(federation: Federation, tmp_path: Path) -> None:
    result = await a_result(federation)
    await result.settled(0, 1, 2)
    values = [share.value for share in result.shares]
    values += [each.part.value for answer in result.session.answers for each in answer.shares]
    stored = on_disk(tmp_path)
    assert result.settle.task.encode() in stored  # what lies there in the clear is found
    for piece in (value[start : start + 15] for value in values for start in (0, 15)):
        assert not any(form in stored for form in (piece, piece.hex().encode(), b64encode(piece)))


async def test_a_vault_does_not_start_on_another_chain(federation: Federation, tmp_path: Path) -> None:
    vault = federation.vaults[0]
    market = federation.market
    config = VaultConfig(
        folder=tmp_path / vault.us,
        network=replace(market.network(federation.addresses), genesis=to_digest(b"\xaa" * 32)),
        storage_url="http://x",
        roots=(),
    )
    with pytest.raises(InputRefused, match="another chain"):
        async with opened(config, federation.files):
            pass


async def test_an_input_without_a_deal_goes_after_its_time_and_one_that_a_deal_needs_stays_until_its_deadline(
    federation: Federation,
) -> None:
    vault, requester = federation.vaults[0], development_key("requester")
    stranger, hours = SigningKey.generate(), 24
    expiries = [InputExpiry(each, keep_seconds=3600 * hours) for each in federation.vaults]
    unknown = to_digest(keccak256(b"the chain never saw this"))
    grant = InputGrant(owner=stranger.address, file_sha256=unknown, app=unknown, request=unknown)
    await federation.deposit(
        stranger,
        input_asset(unknown),
        unknown,
        PICTURE_DEK,
        grant=grant,
        grant_signature=grant.sign(federation.market.domain, stranger),
    )
    category = "XL"
    await federation.order(category=category)
    timeref = (await federation.market.hub.view_category(federation.market.deployment.categories[category])).timeref
    kept = {
        "unused": (input_asset(unknown), stranger.address),
        "needed": (input_asset(PICTURE), requester.address),
        "model": (federation.market.dataset, development_key("owner").address),
    }

    def here() -> set[str]:
        return {name for name, key in kept.items() if vault.custody.share(*key) is not None}

    async def swept() -> int:
        (gone,) = {await expiry.sweep() for expiry in expiries}
        return gone

    assert await swept() == 0
    federation.clock.now += 3600 * hours + 1
    assert await swept() == 1
    assert here() == {"needed", "model"}
    assert vault.custody.grants(stranger.address, unknown) == []
    assert vault.custody.versions(*kept["unused"]) == []
    await federation.deposit(
        stranger,
        input_asset(unknown),
        unknown,
        PICTURE_DEK,
        grant=grant,
        grant_signature=grant.sign(federation.market.domain, stranger),
    )
    assert here() == {"unused", "needed", "model"}
    federation.clock.now += 11 * timeref
    assert await swept() == 2
    assert here() == {"model"}


async def test_a_request_order_that_was_cancelled_needs_no_input(federation: Federation) -> None:
    market, reader = federation.market, federation.vaults[0].chain
    request = market.request(volume=3)
    await market.hub.cancel(market.wallet("requester"), request)
    assert await reader.needed_until([order_hash(request, market.orders)]) == 0


async def test_a_client_deposits_so_many_inputs_an_hour_and_others_go_on(federation: Federation) -> None:
    vault = federation.vaults[0]
    requests = [await _input_deposit(federation, number) for number in range(5)]
    transport = httpx.ASGITransport(application(vault, inputs_per_hour=3), client=("192.0.2.1", 1))
    other = httpx.ASGITransport(transport.app, client=("192.0.2.2", 1))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as flood,
        httpx.AsyncClient(transport=other, base_url="http://127.0.0.1") as honest,
    ):
        answers = [await flood.post("/deposits", content=encode(request)) for request in requests]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["retry-after"]) > 60
        assert (await honest.post("/deposits", content=encode(requests[3]))).status_code == 200
        model = await _deposit_of_model(federation, version=2)
        assert (await flood.post("/deposits", content=encode(model))).status_code == 200


async def _input_deposit(federation: Federation, number: int) -> DepositRequest:
    stranger, file = SigningKey.generate(), to_digest(keccak256(b"%d" % number))
    grant = InputGrant(owner=stranger.address, file_sha256=file, app=file, request=file)
    identities = [await client.identity() for client in federation.clients]
    return share_deposits(
        federation,
        stranger,
        input_asset(file),
        file,
        PICTURE_DEK,
        identities,
        version=1,
        grant=grant,
        grant_signature=grant.sign(federation.market.domain, stranger),
    )[0]


async def _deposit_of_model(federation: Federation, *, version: int) -> DepositRequest:
    identities, owner = [await client.identity() for client in federation.clients], development_key("owner")
    dataset = federation.market.dataset
    return share_deposits(federation, owner, dataset, DATASET_CHECKSUM, MODEL_DEK, identities, version=version)[0]
