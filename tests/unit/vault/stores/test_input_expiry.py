"""Sealed inputs that no deal needs are deleted; one that a deal needs stays, and is not looked up again."""

from sealgrid.vault.service import Vault
from sealgrid.vault.stores.input_expiry import InputExpiry
from sealgrid.vault.stores.share_store import StoredGrant
from tests.unit.vault.vault_scene import NOW, PICTURE, PICTURE_KEY, REQUESTER, grant
from tests.unit.vault.vault_service import SnapshotChain


def store(vault: Vault, at: int) -> None:
    vault.share_store.store(PICTURE_KEY.stored_share("input"), policy=None, grant=StoredGrant(*grant()), at=at)


async def test_an_old_input_without_a_deal_is_deleted_with_its_grant_and_may_be_deposited_again(vault: Vault) -> None:
    store(vault, NOW - 101)
    assert await InputExpiry(vault, 100).sweep() == 1
    assert vault.share_store.grants(REQUESTER.address, PICTURE) == []
    assert vault.share_store.versions(PICTURE_KEY.asset, REQUESTER.address) == []


async def test_a_young_input_stays_unread(vault: Vault, chain: SnapshotChain) -> None:
    store(vault, NOW - 99)
    assert (await InputExpiry(vault, 100).sweep(), chain.reads) == (0, 0)


async def test_an_input_that_a_deal_needs_stays_until_its_final_deadline(vault: Vault, chain: SnapshotChain) -> None:
    store(vault, NOW - 101)
    expiry, chain.deadline = InputExpiry(vault, 100), NOW + 50
    assert [await expiry.sweep(), await expiry.sweep()] == [0, 0]
    assert chain.reads == 1
    chain.now = NOW + 50
    assert await expiry.sweep() == 1
