"""X.509 helpers of attestation: what counts as issued by whom, and bytes that are no certificate."""

import pytest

from sealgrid.attestation.certificates import (
    at_time,
    is_issued_by,
    load_certificate,
    load_chain,
    load_revocation_list,
)
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys, pem, revocation_list
from tests.unit.attestation.machines import NOW

OURS, THEIRS = SimulatedPlatformKeys.generate(NOW), SimulatedPlatformKeys.generate(NOW)


def test_a_certificate_is_issued_by_its_issuer_alone() -> None:
    assert is_issued_by(OURS.pck.certificate, OURS.ca.certificate)
    assert is_issued_by(OURS.root.certificate, OURS.root.certificate)
    assert not is_issued_by(OURS.pck.certificate, OURS.root.certificate)
    assert not is_issued_by(OURS.pck.certificate, THEIRS.ca.certificate)  # an equal name, another key


def test_certificates_and_lists_survive_their_encodings() -> None:
    assert load_certificate(OURS.root_der) == OURS.root.certificate
    assert load_chain(pem(OURS.ca.certificate, OURS.root.certificate).encode()) == [
        OURS.ca.certificate,
        OURS.root.certificate,
    ]
    listed = load_revocation_list(revocation_list(OURS.root.certificate, OURS.root.key, valid=(NOW, NOW + 9)))
    assert (listed.issuer, listed.next_update_utc) == (OURS.root.certificate.subject, at_time(NOW + 9))


@pytest.mark.parametrize("load", [load_certificate, load_chain, load_revocation_list])
@pytest.mark.parametrize("raw", [b"", b"no certificate", OURS.root_der[:-1]])
def test_other_bytes_are_a_value_error(load: object, raw: bytes) -> None:
    with pytest.raises(ValueError):
        load(raw)
