"""Issuing nonces: each is stored with its attempt, and none is issued twice."""

import pytest

from sealgrid.errors import ReleaseRefused
from sealgrid.vault.checks.release import IssuedNonce
from sealgrid.vault.handlers.nonce import issue_nonce
from sealgrid.vault.service import Vault
from tests.unit.vault.vault_scene import ATTEMPT, NOW, STRANGER, ask
from tests.unit.vault.vault_service import SnapshotChain


async def test_each_request_of_one_enclave_gets_another_nonce_that_expires(vault: Vault) -> None:
    replies = [await issue_nonce(vault, ask()) for _ in range(2)]
    assert len({reply.nonce for reply in replies}) == 2
    for reply in replies:
        assert vault.task_store.consume_nonce(reply.nonce) == IssuedNonce(ATTEMPT, NOW + 120)
        assert vault.task_store.consume_nonce(reply.nonce) is None


async def test_1_4_a_second_enclave_without_a_reassign_gets_none_and_is_not_recorded(
    vault: Vault, chain: SnapshotChain
) -> None:
    await issue_nonce(vault, ask())
    with pytest.raises(ReleaseRefused) as caught:
        await issue_nonce(vault, ask(STRANGER))
    assert caught.value.check == "1.4"
    assert vault.task_store.attempts(chain.snapshot.task_id) == [ATTEMPT]


async def test_1_7_a_task_of_a_deal_from_before_a_restoration_gets_none(vault: Vault) -> None:
    vault.database.note_restoration(NOW)
    with pytest.raises(ReleaseRefused) as caught:
        await issue_nonce(vault, ask())
    assert caught.value.check == "1.7"
