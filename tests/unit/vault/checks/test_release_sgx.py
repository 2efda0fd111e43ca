"""An SGX enclave at a vault: its identity names its app, and an allowance must name both."""

from dataclasses import replace

import pytest

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.errors import ReleaseRefused
from sealgrid.units import to_bytes
from sealgrid.vault.checks.release import TrustedRoots, check_evidence
from tests.unit.attestation import hardware_machines as hardware
from tests.unit.vault.vault_scene import (
    APP_DIGEST,
    ATTEMPT,
    DATASET,
    FEDERATION,
    MODEL,
    NOW,
    allowance,
    policy,
    release_request,
    report,
)

MRENCLAVE = b"\x11" * 32
TRUSTED = TrustedRoots((hardware.root(Platform.SGX),), {}, simulated=False)


def enclave(data):
    current = {"issued": NOW - 3600, "expires": NOW + 3600}
    return hardware.quote(Platform.SGX, report_data=data, mrenclave=MRENCLAVE, collateral=current)


def judged(*, app=APP_DIGEST):
    """The evidence of an enclave that claims this app, every signature genuine."""
    quote = enclave(report(app_digest=app))
    request = release_request(quote, app_digest=app)
    return check_evidence(request, ATTEMPT, federation=FEDERATION, trusted=TRUSTED, at=NOW)


def paired(mrenclave, app):
    return runtime_identity(Platform.SGX, [mrenclave, to_bytes(app, 32)])


def allowed(attested, **terms):
    owner = policy(asset=DATASET, allowed=(allowance(platform=Platform.SGX, **terms),))
    return owner.allowance_for(attested.app_digest, attested.runtime, attested.claims.platform)


def test_a_real_enclave_passes_the_evidence_and_is_named_with_its_app():
    attested = judged()
    assert attested.claims.platform is Platform.SGX
    assert attested.runtime == paired(MRENCLAVE, APP_DIGEST)
    assert allowed(attested, runtime=paired(MRENCLAVE, APP_DIGEST)) is not None


def test_5_an_enclave_that_claims_another_app_has_an_identity_that_nobody_allowed():
    """A hostile app, honestly measured in its own enclave, writes the owner's app into its report data."""
    hostile = judged(app=MODEL)
    assert allowed(hostile, app=MODEL, runtime=paired(MRENCLAVE, APP_DIGEST)) is None
    assert hostile.runtime != judged().runtime


def test_5_an_allowance_of_the_enclave_alone_allows_nothing():
    assert allowed(judged(), runtime=runtime_identity(Platform.SGX, [MRENCLAVE])) is None


def test_5_another_enclave_with_the_same_app_is_not_allowed():
    assert allowed(judged(), runtime=paired(b"\x22" * 32, APP_DIGEST)) is None


def test_4_report_data_for_another_app_are_refused_before_any_identity():
    quote = enclave(report())
    with pytest.raises(ReleaseRefused) as caught:
        check_evidence(
            release_request(quote, app_digest=MODEL), ATTEMPT, federation=FEDERATION, trusted=TRUSTED, at=NOW
        )
    assert caught.value.check == "4"


def test_2_5_the_number_that_was_seen_of_the_series_holds_for_sgx():
    evaluations = {judged().claims.series: 18}
    quote = enclave(report())
    with pytest.raises(ReleaseRefused) as caught:
        check_evidence(
            release_request(quote),
            ATTEMPT,
            federation=FEDERATION,
            trusted=replace(TRUSTED, evaluations=evaluations),
            at=NOW,
        )
    assert caught.value.check == "2.5"
