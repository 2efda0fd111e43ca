"""Handlers for owners: what they store, refuse and show, beyond the numbered checks."""

import pytest

from sealgrid.attestation.statements import DepositReceipt, Withdrawal
from sealgrid.errors import NotFound, SharesRefused
from sealgrid.vault.handlers.deposits import accept_deposit, set_policy, view_asset, withdraw_key
from sealgrid.vault.service import Vault
from sealgrid.wire.vault import PolicyRequest, WithdrawRequest
from tests.unit.vault.vault_scene import (
    DATASET,
    DOMAIN,
    MODEL_KEY,
    OWNER,
    PICTURE,
    REQUESTER,
    STRANGER,
    Split,
    grant,
    granted_deposit,
    policy,
)
from tests.unit.vault.vault_service import SnapshotChain

SIGNED = {"policy": policy(), "policy_signature": policy().sign(DOMAIN, OWNER)}


async def test_a_deposit_gets_a_signed_receipt_and_a_repeated_one_the_same(vault: Vault) -> None:
    first, again = [await accept_deposit(vault, MODEL_KEY.deposit(**SIGNED)) for _ in range(2)]
    receipt = DepositReceipt(record=MODEL_KEY.stored_share().record_digest, vault=vault.address, index=1)
    assert receipt.is_signed_by(vault.address, DOMAIN, first.signature)
    assert again == first
    assert (await view_asset(vault, DATASET, OWNER.address)).policy == policy()


async def test_an_unsigned_deposit_causes_no_read_of_the_chain(vault: Vault, chain: SnapshotChain) -> None:
    with pytest.raises(SharesRefused) as caught:
        await accept_deposit(vault, MODEL_KEY.deposit(signature=bytes(65)))
    assert (caught.value.check, chain.reads) == ("deposit.2", 0)


async def test_a_sealed_input_needs_nothing_on_the_chain(vault: Vault, chain: SnapshotChain) -> None:
    await accept_deposit(vault, granted_deposit())
    assert vault.share_store.grants(REQUESTER.address, PICTURE) == [grant()[0]]
    assert chain.reads == 0


async def test_a_deposit_with_an_invalid_policy_stores_nothing(vault: Vault) -> None:
    with pytest.raises(SharesRefused) as caught:
        await accept_deposit(vault, MODEL_KEY.deposit(policy=policy(), policy_signature=bytes(65)))
    assert caught.value.check == "policy.2"
    with pytest.raises(NotFound):
        await view_asset(vault, DATASET, OWNER.address)


async def test_a_policy_of_a_key_that_was_not_deposited_is_refused(vault: Vault) -> None:
    with pytest.raises(NotFound, match="deposit its share first"):
        await set_policy(vault, PolicyRequest(policy=policy(), signature=SIGNED["policy_signature"]))


async def test_a_withdrawn_key_keeps_its_version_and_only_a_higher_one_is_accepted(
    vault: Vault, chain: SnapshotChain
) -> None:
    await accept_deposit(vault, MODEL_KEY.deposit(**SIGNED))
    withdrawal = Withdrawal(asset=DATASET, owner=OWNER.address, version=1)
    chain.now += 5
    for signer, check in ((STRANGER, "withdraw.1"), (OWNER, None)):
        request = WithdrawRequest(withdrawal=withdrawal, signature=withdrawal.sign(DOMAIN, signer))
        if check is None:
            view = await withdraw_key(vault, request)
        else:
            with pytest.raises(SharesRefused) as caught:
                await withdraw_key(vault, request)
            assert caught.value.check == check
    assert [(each.version, each.destroyed) for each in view.history] == [(1, chain.now)]
    with pytest.raises(SharesRefused) as caught:
        await accept_deposit(vault, MODEL_KEY.deposit(**SIGNED))
    assert caught.value.check == "deposit.5"
    await accept_deposit(vault, Split(version=2).deposit(**SIGNED))
