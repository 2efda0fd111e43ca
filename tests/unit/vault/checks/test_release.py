"""Checks (1) to (6) of a release, one named bad case each, with real simulated quotes."""

import datetime as dt
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation import binding
from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.evidence import Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import SimulatedPlatformKeys, SimulatedQuoter
from sealgrid.chain.views import ResourceView, TaskStatus
from sealgrid.errors import InputRefused
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from sealgrid.vault.checks.nonce import EnclaveAttempt
from sealgrid.vault.checks.release import (
    IssuedNonce,
    TrustedRoots,
    check_chain,
    check_evidence,
    check_nonce,
    own_nonce,
)
from tests.unit.vault.vault_scene import (
    APP_DIGEST,
    ATTEMPT,
    BROKER,
    FEDERATION,
    HPKE,
    MACHINE,
    MODEL,
    MRTD,
    NONCES,
    NOW,
    POOL,
    RUNTIME,
    SNAPSHOT,
    STRANGER,
    TASK,
    WORKER,
    attested,
    authorization,
    deal,
    evidence,
    flipped,
    key,
    number_of,
    release_request,
    report,
    snapshot,
    task,
)

TRUSTED = TrustedRoots((MACHINE.trust_root,), {}, simulated=True)
SERIES = to_digest(hashlib.sha256(MACHINE.root_der).digest())
ISSUED = IssuedNonce(ATTEMPT, NOW + 120)
OTHER = key("other enclave")


# (1) nonce


def admit(
    requested: Any = None, issued: Any = ISSUED, current: Any = ATTEMPT, *, settled: bool = False, at: int = NOW
) -> Any:
    return check_nonce(requested or authorization(), issued, current, settled=settled, at=at)


def test_a_fresh_nonce_of_ours_is_admitted() -> None:
    assert admit() == ATTEMPT


def test_1_a_nonce_that_is_not_ours_or_was_used() -> None:
    assert number_of(admit, issued=None) == "1"


def test_1_a_nonce_that_expired() -> None:
    assert number_of(admit, at=NOW + 120) == "1"


@pytest.mark.parametrize("other", [{"task": MODEL}, {"worker": STRANGER.address}, {"enclave": OTHER}])
def test_1_a_nonce_of_another_task_worker_or_enclave(other: Any) -> None:
    assert number_of(admit, authorization(**other)) == "1"


def test_1_a_nonce_of_an_enclave_that_was_replaced() -> None:
    assert number_of(admit, current=EnclaveAttempt(TASK, 2, WORKER.address, OTHER.address)) == "1"


def test_1_a_nonce_after_the_tasks_verdict() -> None:
    assert number_of(admit, settled=True) == "1"


@pytest.mark.parametrize(
    "bad",
    [
        {"nonces": NONCES[:2]},
        {"nonces": (*NONCES[:2], b"short")},
        {"nonces": ()},
        {"hpke_public": b"\1" * 31},
        {"app_digest": APP_DIGEST.upper()},
    ],
)
def test_a_request_of_another_shape_has_no_nonce(bad: Any) -> None:
    with pytest.raises(InputRefused):
        own_nonce(release_request(**bad), FEDERATION)


def test_our_nonce_stands_at_our_place() -> None:
    assert own_nonce(release_request(), FEDERATION) == NONCES[0]
    third = replace(FEDERATION, own_address=FEDERATION.vaults[2])
    assert own_nonce(release_request(), third) == NONCES[2]


# (2) (3) the quote


def judge(quote: Any = None, *, trusted: Any = TRUSTED, at: int = NOW, **changes: Any) -> Any:
    request = release_request(quote, **changes)
    return check_evidence(request, ATTEMPT, federation=FEDERATION, trusted=trusted, at=at)


def test_an_honest_enclave_is_attested() -> None:
    found = judge()
    assert (found.runtime, found.claims.platform) == (RUNTIME, Platform.SIMULATED)
    assert (found.report_data, found.session) == (report(), binding.session(report()))


def test_2_a_quote_under_another_root() -> None:
    stranger = SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)
    assert number_of(judge, evidence(stranger)) == "2.2"


def test_2_a_simulated_quote_where_none_is_accepted() -> None:
    assert number_of(judge, trusted=replace(TRUSTED, simulated=False)) == "2.3"


def test_2_a_quote_without_any_root() -> None:
    assert number_of(judge, trusted=replace(TRUSTED, roots=())) == "2.2"


def test_2_collateral_that_expired() -> None:
    assert number_of(judge, at=NOW + 40 * 24 * 3600) == "2.4"


def test_2_collateral_below_the_highest_number_seen() -> None:
    number = judge().claims.eval_number
    assert judge(trusted=replace(TRUSTED, evaluations={SERIES: number})).claims.eval_number == number
    newer = replace(TRUSTED, evaluations={SERIES: number + 1})
    assert number_of(judge, trusted=newer) == "2.5"


def test_2_the_number_holds_beside_the_root_of_another_platform() -> None:
    number = judge().claims.eval_number
    roots = (MACHINE.trust_root, TrustRoot(Platform.TDX, some_authority()))
    newer = replace(TRUSTED, roots=roots, evaluations={SERIES: number + 1})
    assert number_of(judge, trusted=newer) == "2.5"


def some_authority() -> bytes:
    """The certificate of an authority that signed nothing here."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Some Hardware Root")])
    start = dt.datetime.fromtimestamp(NOW, dt.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(secret.public_key())
    made = made.serial_number(1).not_valid_before(start).not_valid_after(start + dt.timedelta(days=1))
    return made.sign(secret, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_2_another_roots_number_does_not_count() -> None:
    assert judge(trusted=replace(TRUSTED, evaluations={to_digest(bytes(32)): 999}))


@given(at=st.integers(0, 48 + 584 - 1))
def test_2_any_flipped_byte_of_the_report(at: int) -> None:
    quote = evidence()
    assert number_of(judge, Quote(flipped(quote.raw, at), quote.collateral))[0] in "23"


@given(junk=st.binary(max_size=200))
def test_2_what_is_no_quote(junk: bytes) -> None:
    quote = evidence()
    assert number_of(judge, Quote(junk, quote.collateral)).startswith("2")


# (4) (4b) what the quote is about


@pytest.mark.parametrize(
    "other",
    [
        {"chain": 1},
        {"hub": to_address(b"\xaa" * 20)},
        {"task": MODEL},
        {"worker": STRANGER.address},
        {"app_digest": MODEL},
        {"enclave": OTHER.address},
        {"hpke_public": b"\x55" * 32},
        {"nonces": (NONCES[1], NONCES[0], NONCES[2])},
        {"nonces": (b"\x66" * 32, *NONCES[1:])},
    ],
)
def test_4_a_quote_about_something_else(other: Any) -> None:
    assert number_of(judge, evidence(**other)) == "4"


def test_4_a_quote_for_another_federation() -> None:
    believed = replace(FEDERATION, vaults=tuple(sorted([*FEDERATION.vaults[:2], OTHER.address])))
    assert number_of(judge, evidence(vault_set=believed.vault_set)) == "4"
    fewer = binding.vault_set(
        chain=FEDERATION.chain, hub=FEDERATION.hub, broker=FEDERATION.broker, t=1, vaults=FEDERATION.vaults
    )
    assert number_of(judge, evidence(vault_set=fewer)) == "4"


def test_4_a_quote_of_a_thief_with_its_own_key() -> None:
    assert number_of(judge, evidence(), hpke_public=b"\x77" * 32) == "4"


def test_4b_evidence_that_locks_another_app() -> None:
    assert number_of(judge, evidence(locked=locked_config(MODEL))) == "4b"


def test_4b_evidence_that_locks_no_app() -> None:
    assert number_of(judge, evidence(locked=bytes(48))) == "4b"


def test_4b_a_lock_with_something_behind_the_digest() -> None:
    assert number_of(judge, evidence(locked=locked_config(APP_DIGEST)[:32] + b"\1" * 16)) == "4b"


# (5) (6) the chain


def compare(chain: Any = SNAPSHOT, *, at: int = NOW) -> Any:
    check_chain(attested(), chain, federation=FEDERATION, at=at, seconds_left=20)


def test_the_chain_agrees() -> None:
    compare()


def test_5_a_runtime_that_the_broker_does_not_list() -> None:
    assert number_of(compare, snapshot(runtime_allowed=False)) == "5"


@pytest.mark.parametrize("broker", [ZERO_ADDRESS, to_address(b"\xaa" * 20)])
def test_6_a_hub_that_asks_another_broker(broker: Any) -> None:
    assert number_of(compare, snapshot(broker=broker)) == "6"


def test_6_a_gate_that_owns_the_pool_judges_where_the_hub_has_no_broker() -> None:
    gated = deal(workerpool=ResourceView(POOL, BROKER, 3))
    compare(snapshot(broker=ZERO_ADDRESS, deal=gated))
    assert number_of(compare, snapshot(broker=to_address(b"\xaa" * 20), deal=gated)) == "6"


def test_6_a_federation_that_is_not_in_force_any_more() -> None:
    assert number_of(compare, snapshot(vault_set=to_digest(b"\xaa" * 32))) == "6"


@pytest.mark.parametrize("status", [each for each in TaskStatus if each is not TaskStatus.ACTIVE])
def test_6_a_task_that_is_not_active(status: Any) -> None:
    assert number_of(compare, snapshot(task=task(status=status))) == "6"


def test_6_a_task_with_too_little_time_left() -> None:
    assert number_of(compare, snapshot(task=task(contribution_deadline=NOW + 20))) == "6"
    compare(snapshot(task=task(contribution_deadline=NOW + 21)))


def test_6_time_is_the_later_of_the_chains_and_ours() -> None:
    assert number_of(compare, snapshot(time=NOW + 2090)) == "6"
    assert number_of(compare, at=NOW + 2090) == "6"


def test_6_a_deal_that_does_not_ask_for_an_enclave() -> None:
    assert number_of(compare, snapshot(deal=deal(tag=to_digest((8).to_bytes(32, "big"))))) == "6"


def test_6_a_deal_that_asks_for_replication() -> None:
    assert number_of(compare, snapshot(deal=deal(trust=2))) == "6"


def test_6_an_app_that_is_not_the_deals() -> None:
    assert number_of(compare, snapshot(app_checksum=MODEL)) == "6"


def test_the_scene_measures_one_runtime() -> None:
    assert attested().runtime == binding.runtime_identity(Platform.SIMULATED, [MRTD])
    assert HPKE.public == release_request().hpke_public
