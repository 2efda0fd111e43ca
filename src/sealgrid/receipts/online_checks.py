"""Checks (14) to (19) of ``verify``, which compare a receipt with the chain and the storage."""

from sealgrid.errors import ReceiptRefused
from sealgrid.poco.proof_judge import ProofJudge, judge_of
from sealgrid.receipts.verification_case import VerificationCase, VerificationStep


def check_judge(case: VerificationCase) -> str:
    """Check (14): broker or gate."""
    pinned = case.pins.broker
    by = judge_of(teebroker=case.chain.broker, pool_owner=case.chain.pool_owner, pinned=pinned)
    if by is ProofJudge.POOL:
        raise ReceiptRefused("14", f"the chain took the {by}: neither the pinned broker nor the pinned gate judged.")
    return f"{by} {pinned}"


def check_completion(case: VerificationCase) -> str:
    """Check (15): completed task."""
    if not case.chain.completed:
        raise ReceiptRefused("15", "the task is not completed on the chain.")
    if case.chain.result_digest != case.envelope.settle.result_digest:
        raise ReceiptRefused("15", "the digest on the chain is not the settled one.")
    return f"result digest {case.chain.result_digest}"


def check_contribution(case: VerificationCase) -> str:
    """Check (16): contribution."""
    chain = case.chain
    if not chain.proved:
        raise ReceiptRefused("16", "the contribution is not proved on the chain.")
    if (chain.worker, chain.enclave_challenge) != (case.body.worker, case.body.enclave):
        raise ReceiptRefused("16", "the chain accepted another worker or another enclave.")
    return f"worker {chain.worker}"


def check_deal(case: VerificationCase) -> str:
    """Check (17): deal."""
    chain, body = case.chain, case.body
    if chain.app_checksum != body.app.digest:
        raise ReceiptRefused("17", "the checksum of the deal's app on the chain is another one.")
    if chain.dataset_checksum != (None if body.dataset is None else body.dataset.checksum):
        raise ReceiptRefused("17", "the checksum of the deal's dataset on the chain is another one.")
    if chain.pool != body.pool:
        raise ReceiptRefused("17", "the deal's workerpool on the chain is another one.")
    return f"app {body.app.address}"


def check_sealed_file(case: VerificationCase) -> str:
    """Check (18): sealed result."""
    if case.chain.sealed_sha256 != case.envelope.settle.sealed_sha256:
        raise ReceiptRefused("18", "the sealed result was not found, or is another file.")
    return f"sealed result {case.chain.sealed_sha256}"


def check_receipt_file(case: VerificationCase) -> str:
    """Check (19): receipt file."""
    if case.chain.receipt_sha256 != case.envelope.settle.receipt_sha256:
        raise ReceiptRefused("19", "the receipt's file was not found, or is another file.")
    return f"receipt {case.chain.receipt_sha256}"


STEPS = (
    VerificationStep(14, "The pinned broker or gate judged the enclave.", check_judge),
    VerificationStep(15, "The chain completed the task with the settled digest.", check_completion),
    VerificationStep(16, "The chain accepted this worker with this enclave.", check_contribution),
    VerificationStep(17, "The deal's app, dataset and pool are those of the receipt.", check_deal),
    VerificationStep(18, "The stored sealed result is the settled one.", check_sealed_file),
    VerificationStep(19, "The stored receipt is the settled one.", check_receipt_file),
)
