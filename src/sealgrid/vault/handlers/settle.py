"""Handler of ``POST /settlements``: binds a result and signs the Verdict about it."""

from sealgrid.attestation.statements import Verdict
from sealgrid.vault.checks.settle import (
    ReleaseRecord,
    ResultShare,
    SettleRecord,
    check_receipt,
    check_settle,
    check_time,
    make_verdict,
)
from sealgrid.vault.checks.signatures import check_canonical
from sealgrid.vault.handlers.deal_state import refuse_unknown_task
from sealgrid.vault.handlers.settled_files import fetch_settled
from sealgrid.vault.service import Vault
from sealgrid.vault.stores.key_notes import opened_record, unopened_record
from sealgrid.wire.vault import SettleReply, SettleRequest


async def settle_result(vault: Vault, request: SettleRequest) -> SettleReply:
    """Bind a result and sign the Verdict about it; the check numbers are those of ``checks/settle.py``.

    A repeated request gets the same Verdict.
    """
    settle = request.settle
    check_canonical(
        addresses=(settle.worker, settle.enclave),
        digests=(settle.task, settle.sealed_sha256, settle.receipt_sha256),
    )
    released, _, settled = _check_settle(vault, request)  # (1) (2) (3) (4)
    if settled is not None:
        return _reply(vault, settled.verdict)
    receipt = await fetch_settled(  # (5)
        vault.files, settle.sealed_sha256, settle.receipt_sha256, output_bytes=released.facts.output_bytes
    )
    body = check_receipt(receipt, settle, released, vault.federation.domain)  # (6)
    with refuse_unknown_task("settle.7"):
        snapshot = await vault.chain.task(settle.task)
    at = vault.clock()
    check_time(released, snapshot, at=at)  # (7)
    released, result_share, settled = _check_settle(vault, request)  # (3) again: other requests ran meanwhile
    if settled is not None:
        return _reply(vault, settled.verdict)
    verdict = make_verdict(settle, released, vault.federation.vault_set, at)
    with vault.database.transaction():
        vault.task_store.store_settle(SettleRecord(settle, request.signature, result_share, verdict, at))
        if (record := unopened_record(body, released.facts)) is not None:
            vault.unopened_keys.note(record, settle.task, snapshot.time)
        if (record := opened_record(body, released.facts)) is not None:
            vault.opened_keys.note(record, settle.task, snapshot.time)
    return _reply(vault, verdict)


def _check_settle(
    vault: Vault, request: SettleRequest
) -> tuple[ReleaseRecord, ResultShare | None, SettleRecord | None]:
    task, enclave = request.settle.task, request.settle.enclave
    settled = vault.task_store.find_settle(task, enclave)
    released, result_share = check_settle(
        request,
        vault.task_store.find_release(task, enclave),
        settled,
        federation=vault.federation,
        deposit_key=vault.keys.deposit,
    )
    return released, result_share, settled


def _reply(vault: Vault, verdict: Verdict) -> SettleReply:
    return SettleReply(verdict=verdict, signature=vault.sign(verdict))
