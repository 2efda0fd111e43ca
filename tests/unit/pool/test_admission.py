"""A worker joins a pool by its settings or by an invitation, which one worker can use."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sealgrid.attestation.statements import WorkerInvitation
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import CallRefused, InputRefused
from sealgrid.pool.admission import REMEMBERED_SECONDS, AdmittedWorkers, WorkerAdmissions
from sealgrid.units import to_address, to_digest
from sealgrid.wire.admission import JoinRequest, SignedInvitation
from sealgrid.wire.pool import NextJob
from tests.unit.pool.pool_scene import DOMAIN, POOL, WORKER, signed_call

OWNER, NOW = SigningKey.generate(), 1000.0
OTHER_POOL = to_address(b"\x77" * 20)


def invitation(key: SigningKey = OWNER, **changes: object) -> SignedInvitation:
    fields: dict[str, object] = {"pool": POOL, "nonce": to_digest(b"\x01" * 32), "expiry": 2000}
    statement = WorkerInvitation(**fields | changes)  # type: ignore[arg-type]
    return SignedInvitation(invitation=statement, signature=statement.sign(DOMAIN, key))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/tasks.sqlite"


@pytest.fixture
def workers(url: str) -> Iterator[AdmittedWorkers]:
    opened = AdmittedWorkers(url)
    yield opened
    opened.close()


def admissions(workers: AdmittedWorkers) -> WorkerAdmissions:
    return WorkerAdmissions(workers, POOL, DOMAIN, OWNER, lambda: NOW)


def check_of(workers: AdmittedWorkers, signed: SignedInvitation | None, worker: SigningKey = WORKER) -> str:
    with pytest.raises(CallRefused) as refused:
        admissions(workers).join(signed_call(JoinRequest(invitation=signed), key=worker))
    return refused.value.check


def test_an_invited_worker_is_admitted_and_needs_no_second_invitation(workers: AdmittedWorkers, url: str):
    assert WORKER.address not in workers
    signed = admissions(workers).join(signed_call(JoinRequest(invitation=invitation())))
    assert signed.admission.worker == WORKER.address
    assert signed.admission.is_signed_by(OWNER.address, DOMAIN, signed.signature)
    with closing(AdmittedWorkers(url)) as replica:
        assert WORKER.address in replica
        assert admissions(replica).join(signed_call(JoinRequest())).admission.pool == POOL


def test_a_worker_of_the_settings_joins_without_an_invitation(url: str):
    with closing(AdmittedWorkers(url, frozenset({WORKER.address}))) as listed:
        assert admissions(listed).join(signed_call(JoinRequest())).admission.worker == WORKER.address


def test_a_worker_that_one_process_removed_is_out_of_all_within_a_second(workers: AdmittedWorkers, url: str):
    now = 5.0
    with closing(AdmittedWorkers(url, frozenset({WORKER.address}), lambda: now)) as replica:
        assert WORKER.address in replica
        workers.remove(WORKER.address, NOW)
        now += REMEMBERED_SECONDS
        assert WORKER.address not in replica
        assert workers.all() == [(WORKER.address, None, NOW)]


def test_an_open_pool_admits_everybody_but_removed_workers(workers: AdmittedWorkers):
    is_open = WorkerAdmissions(workers, POOL, DOMAIN, OWNER, lambda: NOW, is_open=True)
    assert is_open.join(signed_call(JoinRequest())).admission.worker == WORKER.address
    workers.remove(WORKER.address, NOW)
    with pytest.raises(CallRefused) as refused:
        is_open.join(signed_call(JoinRequest()))
    assert refused.value.check == "join.3"


def test_join_1_the_invitation_is_of_this_pool_and_signed_by_its_owner(workers: AdmittedWorkers):
    assert check_of(workers, None) == "join.1"
    assert check_of(workers, invitation(pool=OTHER_POOL)) == "join.1"
    assert check_of(workers, invitation(WORKER)) == "join.1"


def test_join_2_an_expired_invitation_is_refused(workers: AdmittedWorkers):
    assert check_of(workers, invitation(expiry=int(NOW))) == "join.2"


def test_join_3_an_invitation_admits_one_worker_and_a_removed_one_stays_out(workers: AdmittedWorkers):
    admissions(workers).join(signed_call(JoinRequest(invitation=invitation())))
    assert check_of(workers, invitation(), SigningKey.generate()) == "join.3"
    workers.remove(WORKER.address, NOW)
    assert WORKER.address not in workers
    assert check_of(workers, invitation(nonce=to_digest(b"\x02" * 32))) == "join.3"


def test_a_call_that_the_worker_did_not_sign_now_is_refused_as_a_login_is(workers: AdmittedWorkers):
    with pytest.raises(CallRefused) as refused:
        admissions(workers).join(signed_call(JoinRequest(invitation=invitation()), issued=int(NOW) - 100))
    assert refused.value.check == "1"
    with pytest.raises(InputRefused):
        admissions(workers).join(signed_call(NextJob()))
