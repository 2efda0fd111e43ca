"""Consistency checks between a receipt's file, the facts and the Settle.

Vaults apply them before payment, verifiers afterwards. The numbers are those of ``verify``.
"""

from msgspec import UnsetType

from sealgrid.attestation import binding
from sealgrid.attestation.facts import Facts, parse_params
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import ReceiptSeal, Settle
from sealgrid.crypto.signing import Domain
from sealgrid.errors import EvidenceRefused, InputRefused, ReceiptRefused
from sealgrid.poco.ids import task_id
from sealgrid.receipts.receipt import ReceiptBody, SignedReceiptBody, UsedDataset, parse_signed_body
from sealgrid.receipts.request_document import VerifiedRequest, verify_request
from sealgrid.units import Digest, to_bytes

_AFTER_OPENING = ("ok", "app-failed")  #: exit classes of a job that opened its dataset


def check_receipt(
    document: bytes,
    settle: Settle,
    facts: Facts,
    *,
    domain: Domain,
    platform: Platform,
    runtime: Digest,
    session: Digest,
) -> ReceiptBody:
    """Return the verified body of a receipt's file; a vault calls this before it signs a Verdict.

    ``facts``, ``platform``, ``runtime`` and ``session`` are the vault's own records of the release; the caller has
    verified the Settle's signature. Raises ReceiptRefused (4), (6), (7), (8), (11), (12) or (20), and InputRefused for
    an invalid form.
    """
    signed = parse_signed_body(document)
    check_seal(signed, domain)  # (4)
    check_facts(signed.body, facts)  # (6)
    check_settle(signed, settle)  # (7)
    check_result(signed.body, settle)  # (8)
    if (signed.body.platform, signed.body.runtime) != (platform, runtime):
        raise ReceiptRefused("11", "the receipt names another platform or runtime than its evidence.")
    if binding.session(report_data_of(signed.body)) != session:
        raise ReceiptRefused("12", "the receipt is about another session than the one that the vault released to.")
    check_request(signed.body, facts)  # (20)
    return signed.body


def check_seal(signed: SignedReceiptBody, domain: Domain) -> None:
    """Check (4)."""
    if not ReceiptSeal(body=signed.body.sha256()).is_signed_by(signed.body.enclave, domain, signed.signature):
        raise ReceiptRefused("4", "the body is not signed by the enclave that it names.")


def check_facts(body: ReceiptBody, facts: Facts) -> None:
    """Check (6); the error names the first field that differs."""
    for name in ("chain", "hub", "broker", "deal", "task", "attempt", "app", "inputs", "pool", "worker", "enclave"):
        if getattr(body, name) != getattr(facts, name):
            raise ReceiptRefused("6", f"the receipt differs from the vaults' facts in: {name}.")
    dataset = facts.dataset
    used = None if dataset is None else UsedDataset(address=dataset.address, checksum=dataset.checksum)
    if body.dataset != used:
        raise ReceiptRefused("6", "the receipt differs from the vaults' facts in: dataset.")
    check_bulk(body, facts)
    if body.task != task_id(facts.deal, facts.index):
        raise ReceiptRefused("6", "the task is not the one of this index in the deal.")
    if (body.callback_digest is not None) != bool(int(facts.callback, 16)):
        raise ReceiptRefused("6", "the receipt differs from the vaults' facts in: callback.")
    if (body.exit_class == "refused") != bool(facts.refusal):
        raise ReceiptRefused("6", "the receipt differs from the vaults' facts in: refusal.")
    if body.exit_class == "unopened" and facts.dataset is None:
        raise ReceiptRefused("6", "the receipt says that a dataset did not open, and the facts name no dataset.")
    if body.opened is True and (facts.dataset is None or body.exit_class not in _AFTER_OPENING):
        raise ReceiptRefused(
            "6", "the receipt says that a dataset opened, but the facts or the exit class exclude that."
        )
    if isinstance(body.commitment, UnsetType) == _has_deferred_callback(facts):
        raise ReceiptRefused("6", "the receipt differs from the vaults' facts in: deferred callback.")


def _has_deferred_callback(facts: Facts) -> bool:
    if facts.refusal:
        return False  # nothing is delivered, and the params may be invalid
    try:
        return parse_params(facts.params).has_deferred_callback
    except InputRefused as error:
        raise ReceiptRefused("6", "the facts have invalid params.") from error


def check_bulk(body: ReceiptBody, facts: Facts) -> None:
    """Check (6) for a bulk: the used datasets are among those of the facts, in their order; other jobs have none."""
    datasets = facts.bulk.datasets if facts.bulk else ()
    listed = iter([UsedDataset(address=each.address, checksum=each.checksum) for each in datasets if each])
    used = body.bulk or ()
    if isinstance(body.bulk, UnsetType) != isinstance(facts.bulk, UnsetType) or not all(
        each in listed for each in used
    ):
        raise ReceiptRefused("6", "the receipt differs from the vaults' facts in: bulk.")


def check_settle(signed: SignedReceiptBody, settle: Settle) -> None:
    """Check (7) except the signature."""
    body = signed.body
    if (settle.task, settle.worker, settle.enclave) != (body.task, body.worker, body.enclave):
        raise ReceiptRefused("7", "the Settle is about another task, worker or enclave.")
    if settle.sealed_sha256 != body.result_sha256:
        raise ReceiptRefused("7", "the Settle is about another sealed result.")
    if settle.receipt_sha256 != signed.sha256():
        raise ReceiptRefused("7", "the Settle is about another receipt.")


def check_result(body: ReceiptBody, settle: Settle) -> None:
    """Check (8)."""
    if settle.result_digest != body.result_digest:
        raise ReceiptRefused("8", "the settled digest is not the one that follows from the receipt.")


def check_request(body: ReceiptBody, facts: Facts) -> VerifiedRequest:
    """Check (20); return the order with the kind of its signature. Raises InputRefused for an invalid field.

    The error names the check of ``verify_request`` that failed.
    """
    try:
        return verify_request(body.request, facts)
    except EvidenceRefused as error:
        raise ReceiptRefused("20", f"({error.check}) {error.message}") from error


def report_data_of(body: ReceiptBody) -> bytes:
    """Return the report data that the enclave's quote must carry."""
    return binding.report_data(
        chain=body.chain,
        hub=body.hub,
        task=body.task,
        worker=body.worker,
        app_digest=body.app.digest,
        enclave=body.enclave,
        hpke_public=to_bytes(body.hpke_public, 32),
        vault_set=vault_set_of(body),
        nonces=[to_bytes(nonce, 32) for _, nonce in sorted(body.nonces.items())],
    )


def vault_set_of(body: ReceiptBody) -> Digest:
    """Return the identifier of the federation in the body."""
    return binding.vault_set(chain=body.chain, hub=body.hub, broker=body.broker, t=body.t, vaults=body.vaults)
