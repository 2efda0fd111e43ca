"""Keys that are reshared, withdrawn, and reshared among other vaults after one was lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sealgrid.attestation.statements import Withdrawal
from sealgrid.chain.accounts import development_key
from sealgrid.crypto.shares import Share, combine, mismatched_vaults
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, ReleaseRefused, SharesRefused
from sealgrid.wire.vault import OpenRequest, WithdrawRequest
from tests.contracts.scene import DATASET_CHECKSUM, VAULTS, Market, local_market
from tests.integration.vault_enclave import Session
from tests.integration.vault_federation import MODEL_DEK, Federation, federation_over

pytestmark = pytest.mark.chain
ROOT = Path(__file__).parents[2]
OWNER = development_key("owner")


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    """A chain for each test, because these tests change the federation."""
    async with local_market() as market:
        yield market


@pytest.fixture
async def federation(market: Market, tmp_path: Path) -> AsyncIterator[Federation]:
    async with federation_over(market, tmp_path) as vaults:
        await vaults.sell_model()
        yield vaults


async def released(federation: Federation, deal, index: int) -> Session:
    return await (await federation.begin(deal, index)).released()


def model_shares(session: Session) -> list[Share]:
    found = [each for answer in session.answers for each in answer.shares]
    mine = [each for each in found if each.record.file_sha256 == DATASET_CHECKSUM]
    return [Share(each.index, each.part.value, each.part.blind) for each in mine]


async def test_a_key_that_is_shared_anew_opens_and_its_old_shares_fit_no_new_one(federation: Federation) -> None:
    deal = await federation.order()
    before = await released(federation, deal, 0)
    record = await federation.deposit(OWNER, federation.market.dataset, DATASET_CHECKSUM, MODEL_DEK, version=2)
    after = await released(federation, deal, 1)
    assert after.key(DATASET_CHECKSUM) == before.key(DATASET_CHECKSUM) == MODEL_DEK
    stolen, fresh = model_shares(before)[0], model_shares(after)[1]
    assert mismatched_vaults([stolen, fresh], record) == {federation.addresses[0]}
    with pytest.raises(SharesRefused):
        combine([stolen, fresh], record)


async def test_vaults_list_every_version_and_destroy_all_shares_but_the_newest(federation: Federation) -> None:
    model = federation.market.dataset
    first = (await federation.clients[0].asset(model, OWNER.address)).record
    await federation.deposit(OWNER, model, DATASET_CHECKSUM, MODEL_DEK, version=2)
    view = await federation.clients[0].asset(model, OWNER.address)
    assert [(each.version, each.destroyed > 0) for each in view.history] == [(1, True), (2, False)]
    assert view.record.version == 2
    assert view.policy is not None
    assert view.record != first


async def test_versions_only_grow(federation: Federation) -> None:
    await federation.deposit(OWNER, federation.market.dataset, DATASET_CHECKSUM, MODEL_DEK, version=5)
    with pytest.raises(SharesRefused) as caught:
        await federation.deposit(OWNER, federation.market.dataset, DATASET_CHECKSUM, MODEL_DEK, version=4)
    assert caught.value.check == "deposit.5"


async def withdraw(federation: Federation, version: int, by: SigningKey = OWNER) -> None:
    withdrawal = Withdrawal(asset=federation.market.dataset, owner=OWNER.address, version=version)
    request = WithdrawRequest(withdrawal=withdrawal, signature=withdrawal.sign(federation.market.domain, by))
    for client in federation.clients:
        view = await client.withdraw(request)
        assert not view.has_share


async def test_a_withdrawn_key_is_not_released_and_returns_only_under_a_higher_version(
    federation: Federation,
) -> None:
    deal, model = await federation.order(), federation.market.dataset
    enclave = await federation.begin(deal, 0)
    request = enclave.evidence(await enclave.nonces())
    await withdraw(federation, 1)
    with pytest.raises(ReleaseRefused) as refused:
        await federation.clients[0].release(request)
    assert refused.value.check == "7.1"
    with pytest.raises(SharesRefused) as caught:
        await federation.deposit(OWNER, model, DATASET_CHECKSUM, MODEL_DEK, version=1)
    assert caught.value.check == "deposit.5"
    await federation.deposit(OWNER, model, DATASET_CHECKSUM, MODEL_DEK, version=2)
    assert (await released(federation, deal, 1)).key(DATASET_CHECKSUM) == MODEL_DEK


async def test_only_the_owner_withdraws_a_key(federation: Federation) -> None:
    with pytest.raises(SharesRefused) as caught:
        await withdraw(federation, 1, by=development_key("stranger"))
    assert caught.value.check == "withdraw.1"


async def test_after_a_vault_was_lost_its_successor_serves_what_owners_share_anew(
    market: Market, tmp_path: Path
) -> None:
    lost, *left = VAULTS
    async with federation_over(market, tmp_path) as federation:
        await federation.sell_model()
        deal, machine = await federation.order(tasks=3), federation.machine
    # The broker's owner replaces the lost vault; the others start again with the new federation.
    successors = tuple(sorted([*left, SigningKey.from_bytes(b"\x44" * 32)], key=lambda key: key.address))
    admin = market.wallet("admin")
    await market.broker.announce_federation(admin, [key.address for key in successors], 2)
    await market.broker.change_federation(admin)
    async with federation_over(market, tmp_path, keys=successors, machine=machine) as renewed:
        enclave = await renewed.begin(deal, 0)
        with pytest.raises(ReleaseRefused) as caught:
            await enclave.released()
        assert caught.value.check == "7.1"
        assert lost.address not in renewed.addresses
        await renewed.sell_model(version=2)
        session = await released(renewed, await renewed.order(version=2), 0)
        assert session.key(DATASET_CHECKSUM) == MODEL_DEK
        assert len(session.answers) == 3


async def test_vaults_of_a_former_federation_open_what_was_paid_and_release_no_more(
    market: Market, tmp_path: Path
) -> None:
    async with federation_over(market, tmp_path) as before:
        await before.sell_model()
        deal, machine = await before.order(tasks=2), before.machine
        result = await (await released(before, deal, 0)).seal()
        await result.publish(await result.settled(0, 1))
    admin = market.wallet("admin")
    await market.broker.announce_federation(admin, [SigningKey.from_bytes(b"\x44" * 32).address], 1)
    await market.broker.change_federation(admin)
    async with federation_over(market, tmp_path, machine=machine) as former:
        settled, record = result.settle, result.record
        replies = [
            await vault.open(OpenRequest(task=settled.task, enclave=settled.enclave)) for vault in former.clients[:2]
        ]
        assert [reply.record for reply in replies] == [record, record]
        enclave = await former.begin(deal, 1)
        with pytest.raises(ReleaseRefused) as caught:
            await enclave.released()
        assert caught.value.check == "6"


async def test_a_vault_that_was_never_listed_does_not_start(market: Market, tmp_path: Path) -> None:
    strangers = tuple(sorted((SigningKey.from_bytes(bytes([n]) * 32) for n in (1, 2, 3)), key=lambda key: key.address))
    with pytest.raises(InputRefused, match="never listed"):
        async with federation_over(market, tmp_path, keys=strangers):
            pass
