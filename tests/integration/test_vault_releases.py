"""Nonces and releases of three vaults on a real chain: every refusal that depends on the chain."""

from dataclasses import replace

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import NotFound, ReleaseRefused, SharesRefused
from sealgrid.poco.tags import NO_TAG
from sealgrid.units import ZERO_ADDRESS, to_digest
from sealgrid.wire.vault import NonceRequest, PolicyRequest
from tests.contracts.scene import DATASET_CHECKSUM
from tests.integration.vault_enclave import RUNTIME
from tests.integration.vault_federation import MODEL_DEK, PICTURE, PICTURE_DEK, Federation

pytestmark = pytest.mark.chain


@pytest.fixture
async def federation(federation: Federation) -> Federation:
    """The vaults, with the model's key deposited."""
    await federation.sell_model()
    return federation


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


async def test_a_worker_without_the_pools_authorisation_gets_no_nonce(federation: Federation) -> None:
    enclave = await federation.begin(await federation.order())
    honest = enclave.authorization
    forged = honest.__class__(
        task=honest.task,
        worker=honest.worker,
        enclave=honest.enclave,
        signature=development_key("worker").sign(b"\1" * 32),
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


async def test_a_sold_model_is_not_released_under_its_old_owners_policy(federation: Federation) -> None:
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


async def test_an_apps_secret_is_accepted_from_its_owner_only(federation: Federation) -> None:
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
