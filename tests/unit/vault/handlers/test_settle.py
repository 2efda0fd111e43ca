"""Settling a result at a vault: the Verdict, its repetition, and what a receipt proves about keys."""

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ReleaseRefused
from sealgrid.receipts.receipt import EnclaveReport, build_body, sign_body
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.vault.handlers.settle import settle_result
from sealgrid.vault.service import Vault
from sealgrid.wire.vault import SettleRequest
from tests.unit.vault.vault_scene import (
    DOMAIN,
    ENCLAVE,
    FEDERATION,
    HPKE,
    K2,
    MODEL_KEY,
    NONCES,
    NOW,
    ORDER,
    RUNTIME,
    SEALED,
    TASK,
    Split,
    evidence,
    facts,
    released,
    settle,
    settle_request,
    snapshot,
    task,
)
from tests.unit.vault.vault_service import SnapshotChain


async def settlement(vault: Vault, *, opened: bool = False) -> SettleRequest:
    """Store a sealed result and its receipt; return the enclave's request to settle them."""
    vault.task_store.store_release(released())
    sealed = await vault.files.put_bytes(b"a sealed result")
    report = EnclaveReport(
        t=2,
        vaults=FEDERATION.vaults,
        nonces=NONCES,
        hpke_public=HPKE.public,
        platform=released().platform,
        runtime=RUNTIME,
        quote=evidence().raw,
        collateral=evidence().collateral.raw,
        exit_class="ok",
        result_sha256=sealed,
        started=NOW,
        finished=NOW,
        opened=opened,
    )
    receipt = sign_body(build_body(facts(), RequestDocument.of(ORDER), report), DOMAIN, ENCLAVE)
    statement = settle(
        result_digest=receipt.body.result_digest,
        sealed_sha256=sealed,
        receipt_sha256=await vault.files.put_bytes(receipt.encode()),
    )
    return settle_request(statement, k2=Split(owner=ENCLAVE, asset=ENCLAVE.address, file_sha256=sealed, dek=K2.dek))


async def test_a_repeated_request_gets_the_same_verdict_and_reads_nothing(vault: Vault, chain: SnapshotChain) -> None:
    request = await settlement(vault)
    first = await settle_result(vault, request)
    assert first.verdict.is_signed_by(vault.address, DOMAIN, first.signature)
    reads, chain.now = chain.reads, NOW + 60
    assert (await settle_result(vault, request), chain.reads) == (first, reads)


async def test_a_receipt_of_an_opened_dataset_proves_its_key(vault: Vault) -> None:
    await settle_result(vault, await settlement(vault, opened=True))
    record = MODEL_KEY.stored_share().record_digest
    assert (vault.opened_keys.find(record).task, vault.unopened_keys.find(record)) == (TASK, None)


async def test_5_a_result_that_is_not_stored_gets_no_verdict(vault: Vault) -> None:
    vault.task_store.store_release(released())
    with pytest.raises(ReleaseRefused) as caught:
        await settle_result(vault, settle_request(settle(sealed_sha256=SEALED)))
    assert caught.value.check == "settle.5"
    assert not vault.task_store.is_settled(TASK)


async def test_7_a_task_that_is_no_longer_active_gets_no_verdict(vault: Vault, chain: SnapshotChain) -> None:
    request = await settlement(vault)
    chain.snapshot = snapshot(task=task(status=TaskStatus.FAILED))
    with pytest.raises(ReleaseRefused) as caught:
        await settle_result(vault, request)
    assert caught.value.check == "settle.7"
    assert not vault.task_store.is_settled(TASK)
