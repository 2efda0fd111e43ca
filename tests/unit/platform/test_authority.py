"""An authority certifies the machines of admitted workers; their quotes verify until they are revoked."""

from pathlib import Path
from typing import Any

import pytest

from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.evidence import Collateral, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import MachineQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys, new_key, raw_public
from sealgrid.attestation.statements import MachineEnrolment, WorkerAdmission
from sealgrid.attestation.verification import verify
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import EvidenceRefused
from sealgrid.platform.authority import (
    COLLATERAL_SECONDS,
    MAX_CERTIFICATES,
    REUSE_SECONDS,
    AdmittingPool,
    Authority,
    MachineRegistry,
)
from sealgrid.platform.quoters import EnrolledQuoters, load_or_create_machine_key
from sealgrid.units import to_address, to_digest
from sealgrid.wire.admission import SignedAdmission
from sealgrid.wire.authority import EnrolmentRequest

NOW = 1_790_000_000
DOMAIN = Domain(chain=31337, broker=to_address(b"\xbb" * 20))
POOL, OWNER, WORKER = to_address(b"\x66" * 20), SigningKey.generate(), SigningKey.generate()
KEYS, MACHINE = SimulatedPlatformKeys.generate(NOW), new_key()
ROOT = TrustRoot(Platform.SIMULATED, KEYS.root_der)
MRTD, APP, DATA = bytes(48), to_digest(b"\x02" * 32), bytes(64)


@pytest.fixture
def registry(tmp_path: Path) -> MachineRegistry:
    return MachineRegistry(tmp_path / "machines.sqlite")


def authority(registry: MachineRegistry, now: int = NOW) -> Authority:
    return Authority(KEYS, registry, AdmittingPool(POOL, OWNER.address), DOMAIN, lambda: now)


def request(*, signer: SigningKey = WORKER, pool_key: SigningKey = OWNER, **changes: Any) -> EnrolmentRequest:
    public = changes.pop("public", raw_public(MACHINE))
    enrolment = MachineEnrolment(
        worker=WORKER.address,
        key_sha256=changes.pop("key_sha256", to_digest(sha256(public))),
        issued=changes.pop("issued", NOW),
    )
    admission = WorkerAdmission(**{"pool": POOL, "worker": WORKER.address, "expiry": NOW + 60} | changes)
    return EnrolmentRequest(
        public=public,
        enrolment=enrolment,
        signature=enrolment.sign(DOMAIN, signer),
        admission=SignedAdmission(admission=admission, signature=admission.sign(DOMAIN, pool_key)),
    )


def verified(quoter: MachineQuoter, at: int = NOW) -> Any:
    return verify(quoter.quote(MRTD, locked_config(APP), DATA), (ROOT,), at=at, allow_simulated=True)


def enrolled(registry: MachineRegistry) -> EnrolledQuoters:
    reply = authority(registry).enrol(request())
    return EnrolledQuoters(MACHINE, reply.chain, reply.root_ca_der, authority(registry).collateral())


def test_the_quotes_of_a_certified_machine_verify_under_the_networks_root(registry: MachineRegistry):
    quoters = enrolled(registry)
    assert quoters.root_der == KEYS.root_der
    claims = verified(quoters.current())
    assert (claims.platform, claims.locked_app) == (Platform.SIMULATED, APP)


def test_two_machines_have_two_names(registry: MachineRegistry):
    own = MachineQuoter(KEYS.pck.key, KEYS.chain, Collateral(authority(registry).collateral()))
    assert verified(own).machine != verified(enrolled(registry).current()).machine


def test_the_certificate_of_one_key_is_issued_once(registry: MachineRegistry):
    assert authority(registry).enrol(request()).chain == authority(registry, NOW + 30).enrol(request()).chain
    assert len(registry.all()) == 1


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("enrol.1", {"pool_key": WORKER}),
        ("enrol.1", {"pool": to_address(b"\x67" * 20)}),
        ("enrol.1", {"worker": OWNER.address}),
        ("enrol.1", {"expiry": NOW}),
        ("enrol.2", {"signer": OWNER}),
        ("enrol.2", {"issued": NOW - 601}),
        ("enrol.2", {"key_sha256": to_digest(b"\x03" * 32)}),
        ("enrol.3", {"public": bytes(64)}),
        ("enrol.3", {"public": b"short"}),
    ],
)
def test_each_check_of_an_enrolment_refuses_its_own_fault(registry: MachineRegistry, check, changes):
    with pytest.raises(EvidenceRefused) as refused:
        authority(registry).enrol(request(**changes))
    assert refused.value.check == check
    assert registry.all() == []


def test_enrol_4_a_revoked_worker_gets_no_certificate_and_new_collateral_ends_its_quotes(registry: MachineRegistry):
    quoters = enrolled(registry)
    assert registry.revoke(WORKER.address, NOW)
    with pytest.raises(EvidenceRefused) as refused:
        authority(registry).enrol(request())
    assert refused.value.check == "enrol.4"
    assert verified(quoters.current()), "the machine's last collateral is valid for a day"
    with pytest.raises(EvidenceRefused):
        verified(quoters.current(), at=NOW + COLLATERAL_SECONDS + 1)
    quoters.replace_collateral(authority(registry).collateral())
    with pytest.raises(EvidenceRefused):
        verified(quoters.current())


def test_another_key_of_a_worker_replaces_its_first(registry: MachineRegistry):
    first = enrolled(registry)
    authority(registry).enrol(request(public=raw_public(new_key())))
    first.replace_collateral(authority(registry).collateral())
    with pytest.raises(EvidenceRefused):
        verified(first.current())


def test_a_key_that_was_certified_again_keeps_its_first_certificate_revoked(registry: MachineRegistry):
    first = enrolled(registry)
    authority(registry).enrol(request(public=raw_public(new_key())))
    authority(registry).enrol(request())
    registry.revoke(WORKER.address, NOW)
    first.replace_collateral(authority(registry).collateral())
    with pytest.raises(EvidenceRefused):
        verified(first.current())


def test_a_worker_that_was_revoked_before_it_enrolled_gets_no_certificate(registry: MachineRegistry):
    assert not registry.revoke(WORKER.address, NOW)
    with pytest.raises(EvidenceRefused) as refused:
        authority(registry).enrol(request())
    assert refused.value.check == "enrol.4"


def test_a_machines_key_is_made_once_in_a_private_file(tmp_path: Path):
    path = tmp_path / "machine.key"
    assert raw_public(load_or_create_machine_key(path)) == raw_public(load_or_create_machine_key(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_enrol_5_a_worker_gets_a_bounded_number_of_certificates(registry: MachineRegistry):
    for _ in range(MAX_CERTIFICATES):
        authority(registry).enrol(request(public=raw_public(new_key())))
    with pytest.raises(EvidenceRefused) as refused:
        authority(registry).enrol(request())
    assert refused.value.check == "enrol.5"


def test_collateral_is_computed_once_a_minute_and_then_has_the_revocation(registry: MachineRegistry):
    now, quoters = NOW, enrolled(registry)
    shared = Authority(KEYS, registry, AdmittingPool(POOL, OWNER.address), DOMAIN, lambda: now)
    first = shared.collateral()
    registry.revoke(WORKER.address, NOW)
    assert shared.collateral() is first
    now += int(REUSE_SECONDS)
    quoters.replace_collateral(shared.collateral())
    with pytest.raises(EvidenceRefused):
        verified(quoters.current(), at=now)


def test_workers_of_another_pool_enrol_once_the_network_admitted_it(registry: MachineRegistry):
    other, signer = to_address(b"\x67" * 20), SigningKey.generate()
    registry.admit_pool(other, signer.address)
    assert authority(registry).enrol(request(pool=other, pool_key=signer)).chain
    with pytest.raises(EvidenceRefused) as refused:
        authority(registry).enrol(request(pool=other, pool_key=OWNER))
    assert refused.value.check == "enrol.1"
