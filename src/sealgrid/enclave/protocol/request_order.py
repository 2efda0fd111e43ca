"""Take a task's terms from the order that its requester signed; the vaults' facts may add to them and not differ."""

from sealgrid.attestation.facts import Facts
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.enclave.protocol.pushed_secrets import is_by
from sealgrid.errors import EvidenceRefused, InputRefused
from sealgrid.receipts.request_document import VerifiedRequest, verify_request
from sealgrid.units import Address, to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.relay import RelayWelcome


def verified_request(welcome: RelayWelcome, facts: Facts) -> VerifiedRequest:
    """Return the order that the worker relayed, once it is the one of this task; raise EvidenceRefused.

    (13), (14), (15) as ``verify_request`` numbers them. (15) also holds the RSA key that iExec's clients have a result
    encrypted for: the facts name the hash of a key that the order's beneficiary signed.
    """
    if welcome.request is None:  # (13)
        raise EvidenceRefused("13", "the worker found no request order of this task; publish it on the market.")
    try:
        request = verify_request(welcome.request, facts)
    except InputRefused as error:
        raise EvidenceRefused("13", error.message) from error
    if request.params.is_for_rsa and not _is_registered(welcome.result_key, request.order.beneficiary, facts):  # (15)
        raise EvidenceRefused(
            "15", "the vaults' facts name an RSA key for the result that its beneficiary did not sign."
        )
    return request


def _is_registered(shown: RegisteredResultKey | None, beneficiary: Address, facts: Facts) -> bool:
    from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME  # noqa: PLC0415  loads RSA, which few jobs need

    if shown is None:
        return False
    value = to_digest(keccak256(shown.value.encode()))
    signed = named_secret_digest(beneficiary, RESULT_KEY_NAME, value)
    return value == facts.result_key and is_by(beneficiary, signed, shown.signature)
