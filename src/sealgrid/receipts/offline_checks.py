"""Checks (2) to (13) and (20) of ``verify``, which need the receipt alone."""

from collections.abc import Iterable

from sealgrid.attestation.facts import DatasetFact, secrets_digest
from sealgrid.attestation.requester_refusals import refusal_message
from sealgrid.attestation.statements import Release, Verdict
from sealgrid.attestation.vault_log import check_entry, check_head, entry_of
from sealgrid.crypto.digests import sha256
from sealgrid.errors import ReceiptRefused
from sealgrid.receipts import consistency
from sealgrid.receipts.receipt import LogProof
from sealgrid.receipts.request_document import SIGNATURE_SENTENCES
from sealgrid.receipts.verification_case import VerificationCase, VerificationStep
from sealgrid.units import Address, to_bytes, to_digest


def check_network(case: VerificationCase) -> str:
    """Check (2): chain, hub and broker."""
    body, pins = case.body, case.pins
    for name in ("chain", "hub", "broker"):
        if getattr(body, name) != getattr(pins, name):
            raise ReceiptRefused("2", f"the receipt is about another {name} than the pinned one.")
    return f"chain {pins.chain}, hub {pins.hub}"


def check_federation(case: VerificationCase) -> str:
    """Check (3): vaults, threshold, nonces."""
    body, pins = case.body, case.pins
    if (body.vaults, body.t) != (pins.vaults, pins.t):
        raise ReceiptRefused("3", "the receipt names other vaults, or another threshold, than the pinned ones.")
    if set(body.nonces) != set(pins.vaults):
        raise ReceiptRefused("3", "the receipt does not carry one nonce for each vault.")
    return f"{pins.t} of {body.n} vaults"


def check_body_seal(case: VerificationCase) -> str:
    """Check (4): signature of the body."""
    consistency.check_seal(case.envelope.receipt, case.pins.domain)
    return f"enclave {case.body.enclave}"


def check_releases(case: VerificationCase) -> str:
    """Check (5): releases."""
    signed = case.envelope.releases
    _check_signers(case, signed.keys(), "5")
    if len({each.release.session for each in signed.values()}) != 1:
        raise ReceiptRefused("5", "the releases are about different sessions.")
    for vault, each in signed.items():
        if not each.release.is_signed_by(vault, case.pins.domain, each.signature):
            raise ReceiptRefused("5", f"a release in the name of vault {vault} is not signed by it.")
        if each.release.facts != to_digest(sha256(case.envelope.facts.encode())):
            raise ReceiptRefused("5", f"vault {vault} signed other facts.")
        if each.release.secrets != secrets_digest(case.facts):
            raise ReceiptRefused("5", f"vault {vault} released other secrets than the facts name.")
        if each.log is not None:
            _check_logged(case, vault, each.release, each.log)
        for proof in each.bulk:
            _check_logged(case, vault, each.release, proof, bulk=True)
    if len(signed) < case.facts.quorum:
        raise ReceiptRefused("5", f"{len(signed)} vaults released; the model's owner requires {case.facts.quorum}.")
    logged = sum(each.log is not None for each in signed.values())
    return f"{len(signed)} vaults released to this session; {logged or 'none'} of the releases with a log proof"


def check_facts(case: VerificationCase) -> str:
    """Check (6): facts."""
    consistency.check_facts(case.body, case.facts)
    refusal = (
        f"; refused by ({case.facts.refusal}): {refusal_message(case.facts.refusal)}" if case.facts.refusal else ""
    )
    return f"task {case.body.task}, attempt {case.body.attempt}{refusal}"


def check_settle(case: VerificationCase) -> str:
    """Check (7): Settle."""
    settle = case.envelope.settle
    if not settle.is_signed_by(case.body.enclave, case.pins.domain, case.envelope.settle_signature):
        raise ReceiptRefused("7", "the Settle is not signed by the enclave.")
    consistency.check_settle(case.envelope.receipt, settle)
    return f"sealed result {settle.sealed_sha256}"


def check_result_digest(case: VerificationCase) -> str:
    """Check (8): result digest."""
    consistency.check_result(case.body, case.envelope.settle)
    return f"result digest {case.envelope.settle.result_digest}"


def check_verdicts(case: VerificationCase) -> str:
    """Check (9): verdicts."""
    signed, body = case.envelope.verdicts, case.body
    _check_signers(case, signed.keys(), "9")
    for vault, each in signed.items():
        verdict = each.verdict
        if not verdict.is_signed_by(vault, case.pins.domain, each.signature):
            raise ReceiptRefused("9", f"a verdict in the name of vault {vault} is not signed by it.")
        expected = Verdict(
            task=body.task,
            worker=body.worker,
            enclave=body.enclave,
            app=body.app.digest,
            runtime=body.runtime,
            platform=body.platform,
            vault_set=consistency.vault_set_of(body),
            session=next(each.release.session for each in case.envelope.releases.values()),
            settle=to_digest(case.envelope.settle.struct_hash()),
            issued=verdict.issued,
            expiry=case.facts.expiry,
        )
        for name in Verdict.__struct_fields__:
            if getattr(verdict, name) != getattr(expected, name):
                raise ReceiptRefused("9", f"the verdict of vault {vault} differs in: {name}.")
        if verdict.issued > verdict.expiry:
            raise ReceiptRefused("9", f"the verdict of vault {vault} was issued after it expired.")
    return f"{len(signed)} vaults verified this enclave and stored its settlement"


def check_evidence(case: VerificationCase) -> str:
    """Check (10): quote."""
    return f"{case.claims.platform.name} machine {case.claims.machine}, TCB {case.claims.tcb_status}"


def check_identity(case: VerificationCase) -> str:
    """Check (11): platform and runtime."""
    body, claims, pinned = case.body, case.claims, case.pins.runtimes
    runtime = claims.runtime_of(body.app.digest)
    if (claims.platform, runtime) != (body.platform, body.runtime):
        raise ReceiptRefused("11", "the evidence shows another platform or runtime than the receipt says.")
    if pinned is not None and runtime not in pinned:
        raise ReceiptRefused("11", f"the runtime {runtime} is not one of the pinned ones.")
    return f"runtime {runtime}"


def check_binding(case: VerificationCase) -> str:
    """Check (12): report data and session."""
    if case.claims.report_data != case.report_data:
        raise ReceiptRefused("12", "the quote was made for another task, key, app, nonce or federation.")
    if any(each.release.session != case.session for each in case.envelope.releases.values()):
        raise ReceiptRefused("12", "the vaults released to another session than the one of this quote.")
    return f"session {case.session}"


def check_locked_app(case: VerificationCase) -> str:
    """Check (13): app digest in the evidence."""
    if not case.claims.locks(case.body.app.digest):
        raise ReceiptRefused("13", "the evidence does not lock the app that the receipt names.")
    return f"app {case.body.app.digest}"


def check_request(case: VerificationCase) -> str:
    """Check (20): request order."""
    verified = consistency.check_request(case.body, case.facts)
    return f"requester {verified.order.requester}; {SIGNATURE_SENTENCES[verified.signature]}"


def _check_signers(case: VerificationCase, vaults: Iterable[Address], number: str) -> None:
    named = set(vaults)
    if not named <= set(case.pins.vaults):
        raise ReceiptRefused(number, "a signer is not a pinned vault.")
    if len(named) < case.pins.t:
        raise ReceiptRefused(number, f"{len(named)} vaults signed; {case.pins.t} are needed.")


def _check_logged(
    case: VerificationCase, vault: Address, release: Release, proof: LogProof, *, bulk: bool = False
) -> None:
    head = check_head(proof.head, proof.signature, vault, case.pins.domain)
    entry = check_entry(proof.entry.encode(), proof.index, [to_bytes(each, 32) for each in proof.path], head)
    dataset: DatasetFact | None = None
    if bulk:
        listed = case.facts.bulk.datasets if case.facts.bulk else ()
        dataset = next((each for each in listed if each is not None and each.address == entry.asset), None)
        if dataset is None:
            raise ReceiptRefused("5", f"a vault logged the release of {entry.asset}, which the facts do not list.")
    # Policy and block are the vault's alone; all other fields follow from what it signed.
    expected = entry_of(
        case.facts, release.session, policy=entry.policy, block=entry.block, time=release.issued, bulk=dataset
    )
    if entry != expected:
        raise ReceiptRefused("5", f"vault {vault} logged another release than it signed.")


STEPS = (
    VerificationStep(2, "It is about the pinned chain, hub and broker.", check_network),
    VerificationStep(3, "It names exactly the pinned vaults and threshold.", check_federation),
    VerificationStep(4, "Its body is signed by the enclave.", check_body_seal),
    VerificationStep(5, "At least t vaults released to this session and signed these facts.", check_releases),
    VerificationStep(6, "The body agrees with the facts.", check_facts),
    VerificationStep(7, "The enclave settled this result and this receipt.", check_settle),
    VerificationStep(8, "The settled digest follows from the receipt.", check_result_digest),
    VerificationStep(9, "At least t vaults signed verdicts about this settlement.", check_verdicts),
    VerificationStep(10, "The quote verifies under a pinned root, as of the verdicts.", check_evidence),
    VerificationStep(11, "Platform and runtime are those of the evidence.", check_identity),
    VerificationStep(12, "The quote is bound to this task, worker, enclave and federation.", check_binding),
    VerificationStep(13, "The evidence locks this app.", check_locked_app),
)
LAST = VerificationStep(
    20, "The requester's order makes this task, is signed, and agrees with the facts.", check_request
)
