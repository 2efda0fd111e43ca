"""Verify a receipt by recomputation, off line or against the chain (docs/protocol/receipt.md)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sealgrid.errors import CheckFailed, InputRefused
from sealgrid.receipts import offline_checks, online_checks
from sealgrid.receipts.receipt import ReceiptBody, parse_envelope
from sealgrid.receipts.report import ChainEvidence, CheckResult, TrustPins, VerificationReport
from sealgrid.receipts.verification_case import VerificationCase, VerificationStep

READABLE = "The receipt is valid and in canonical form."
_ABOUT_STORED_FILES: Final = frozenset({18, 19})


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A receipt of a paid task whose checks (1) to (17) and (20) held."""

    body: ReceiptBody


def verify_paid(envelope: bytes, pins: TrustPins, onchain: ChainEvidence) -> VerifiedReceipt:
    """Return the verified receipt of a paid task; raise ReceiptRefused with the number of the first failed check.

    (18) and (19) are left out: whether result and receipt are still stored says nothing about how the job ended.
    """
    steps = [step for step in _steps(onchain) if step.number not in _ABOUT_STORED_FILES]
    _report(envelope, pins, onchain, steps).require()
    return VerifiedReceipt(parse_envelope(envelope).receipt.body)


def verify(envelope: bytes, pins: TrustPins, onchain: ChainEvidence | None = None) -> VerificationReport:
    """Return the report on a receipt; bad content fails a check and never raises.

    (1) The envelope is valid and in canonical form.
    (2) It is about the pinned chain, hub and broker.
    (3) It names exactly the pinned vaults, and the pinned threshold.
    (4) The body is signed by the enclave that it names.
    (5) At least t pinned vaults, and no other signers, signed releases over the enclosed facts for one session; each
        enclosed proof that a release was in its vault's log is valid.
    (6) The body agrees with those facts.
    (7) The Settle is signed by the enclave, about this task, worker, sealed result and receipt.
    (8) The settled digest recomputes from the receipt.
    (9) At least t pinned vaults, and no other signers, signed verdicts about exactly this settlement and session.
    (10) The quote verifies under a pinned root, at the time when the verdicts were issued.
    (11) Its platform and runtime are those of body and verdicts, and the runtime is a pinned one.
    (12) Its report data recompute from the body, and determine the session of releases and verdicts.
    (13) The evidence locks the app of the body.

    (20) The order in the body makes this task, its requester signed it in the way that the facts say, and the facts'
         terms are the order's: checks (13) to (15) of docs/protocol/release.md.

    And with ``onchain``, which the caller read for the body's task:

    (14) The pinned broker, which the hub calls, or the pinned gate, which owned the pool, judged the proof.
    (15) The task is completed with the settled digest.
    (16) The proved contribution is of this worker with this enclave.
    (17) The deal's app, dataset and pool are those of the body.
    (18) The sealed result that was fetched is the settled one.
    (19) The receipt's file that was fetched is the settled one.
    """
    return _report(envelope, pins, onchain, _steps(onchain))


def _steps(onchain: ChainEvidence | None) -> Sequence[VerificationStep]:
    return (*offline_checks.STEPS, *(online_checks.STEPS if onchain is not None else ()), offline_checks.LAST)


def _report(
    envelope: bytes, pins: TrustPins, onchain: ChainEvidence | None, steps: Sequence[VerificationStep]
) -> VerificationReport:
    try:
        case = VerificationCase(parse_envelope(envelope), pins, onchain)  # (1)
    except InputRefused as error:
        return VerificationReport(
            (CheckResult(1, READABLE, ok=False, detail=error.message), *_skipped(steps, because=1))
        )
    return VerificationReport((CheckResult(1, READABLE, ok=True), *_run_steps(steps, case)))


def _run_steps(steps: Sequence[VerificationStep], case: VerificationCase) -> Iterator[CheckResult]:
    """Yield the result of each step; those after the first failure are not run."""
    for index, (number, sentence, check) in enumerate(steps, start=1):
        try:
            detail = check(case)
        except CheckFailed as error:
            failure = error.message if error.check == str(number) else f"({error.check}) {error.message}"
        except (InputRefused, ValueError, OverflowError) as error:
            failure = f"a value has the wrong form: {error}"
        else:
            yield CheckResult(number, sentence, ok=True, detail=detail)
            continue
        yield CheckResult(number, sentence, ok=False, detail=failure)
        yield from _skipped(steps[index:], because=number)
        return


def _skipped(steps: Sequence[VerificationStep], *, because: int) -> Iterator[CheckResult]:
    for step in steps:
        yield CheckResult(step.number, step.sentence, ok=False, detail=f"not checked, since ({because}) failed.")
