"""Opening a paid result: the sealed share, and the testimony where it is requested."""

from dataclasses import replace

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ReleaseRefused
from sealgrid.units import to_digest
from sealgrid.vault.handlers.open_result import open_result
from sealgrid.vault.service import Vault
from sealgrid.wire.shares import open_share
from sealgrid.wire.vault import OpenRequest
from tests.unit.vault.vault_scene import (
    DOMAIN,
    ENCLAVE,
    K2,
    RESULT_KEY,
    TASK,
    contribution,
    released,
    settle,
    settled,
    snapshot,
    task,
)
from tests.unit.vault.vault_service import SnapshotChain

REQUEST = OpenRequest(task=TASK, enclave=ENCLAVE.address, testimony=False)


@pytest.fixture
def paid(vault: Vault, chain: SnapshotChain) -> Vault:
    """A vault with the scene's settled result, which the chain has paid for."""
    vault.task_store.store_release(released())
    vault.task_store.store_settle(settled())
    completed = task(status=TaskStatus.COMPLETED, result_digest=settle().result_digest)
    chain.snapshot = snapshot(task=completed, contribution=contribution())
    return vault


async def test_the_requester_opens_the_share_that_is_sealed_to_its_key(paid: Vault) -> None:
    reply = await open_result(paid, REQUEST)
    assert open_share(reply.sealed, reply.index, RESULT_KEY, settle().digest(DOMAIN)) == K2.shares[0]
    assert reply.testimony is None


async def test_a_testimony_carries_what_the_vault_signed(paid: Vault) -> None:
    testimony = (await open_result(paid, OpenRequest(task=TASK, enclave=ENCLAVE.address, testimony=True))).testimony
    assert testimony.verdict.is_signed_by(paid.address, DOMAIN, testimony.verdict_signature)
    assert testimony.release.is_signed_by(paid.address, DOMAIN, testimony.release_signature)


async def test_a_direct_release_has_no_share_to_open(vault: Vault, chain: SnapshotChain) -> None:
    vault.task_store.store_release(released())
    vault.task_store.store_settle(settled(result_share=None))
    completed = task(status=TaskStatus.COMPLETED, result_digest=settle().result_digest)
    chain.snapshot = snapshot(task=completed, contribution=contribution())
    assert (await open_result(vault, REQUEST)).record is None


async def test_1_a_result_that_was_not_settled_here_is_not_looked_up(vault: Vault, chain: SnapshotChain) -> None:
    with pytest.raises(ReleaseRefused) as caught:
        await open_result(vault, REQUEST)
    assert (caught.value.check, chain.reads) == ("open.1", 0)


async def test_2_a_task_that_a_reorganisation_removed_stays_sealed(paid: Vault, chain: SnapshotChain) -> None:
    chain.snapshot = replace(chain.snapshot, task_id=to_digest(b"\x77" * 32))
    with pytest.raises(ReleaseRefused) as caught:
        await open_result(paid, REQUEST)
    assert caught.value.check == "open.2"
