"""A worker joins a pool by its settings or by an invitation, which one worker can use."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sealgrid.attestation.statements import WorkerInvitation
from sealgrid.chain.views import AccountView
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import CallRefused, InputRefused
from sealgrid.pool.admission import REMEMBERED_SECONDS, AdmittedWorkers, WorkerAdmissions
from sealgrid.pool.bonds import BOND_SECONDS, WorkerBonds
from sealgrid.units import Address, Nrlc, to_address, to_digest
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


async def check_of(workers: AdmittedWorkers, signed: SignedInvitation | None, worker: SigningKey = WORKER) -> str:
    with pytest.raises(CallRefused) as refused:
        await admissions(workers).join(signed_call(JoinRequest(invitation=signed), key=worker))
    return refused.value.check


async def test_an_invited_worker_is_admitted_and_needs_no_second_invitation(workers: AdmittedWorkers, url: str):
    assert WORKER.address not in workers
    signed = await admissions(workers).join(signed_call(JoinRequest(invitation=invitation())))
    assert signed.admission.worker == WORKER.address
    assert signed.admission.is_signed_by(OWNER.address, DOMAIN, signed.signature)
    with closing(AdmittedWorkers(url)) as replica:
        assert WORKER.address in replica
        assert (await admissions(replica).join(signed_call(JoinRequest()))).admission.pool == POOL


async def test_a_worker_of_the_settings_joins_without_an_invitation(url: str):
    with closing(AdmittedWorkers(url, frozenset({WORKER.address}))) as listed:
        assert (await admissions(listed).join(signed_call(JoinRequest()))).admission.worker == WORKER.address


async def test_a_worker_that_one_process_removed_is_out_of_all_within_a_second(workers: AdmittedWorkers, url: str):
    now = 5.0
    with closing(AdmittedWorkers(url, frozenset({WORKER.address}), lambda: now)) as replica:
        assert WORKER.address in replica
        workers.remove(WORKER.address, NOW)
        now += REMEMBERED_SECONDS
        assert WORKER.address not in replica
        assert workers.all() == [(WORKER.address, None, NOW)]


async def test_an_open_pool_admits_everybody_but_removed_workers(workers: AdmittedWorkers):
    is_open = WorkerAdmissions(workers, POOL, DOMAIN, OWNER, lambda: NOW, is_open=True)
    assert (await is_open.join(signed_call(JoinRequest()))).admission.worker == WORKER.address
    workers.remove(WORKER.address, NOW)
    with pytest.raises(CallRefused) as refused:
        await is_open.join(signed_call(JoinRequest()))
    assert refused.value.check == "join.3"


async def test_join_1_the_invitation_is_of_this_pool_and_signed_by_its_owner(workers: AdmittedWorkers):
    assert await check_of(workers, None) == "join.1"
    assert await check_of(workers, invitation(pool=OTHER_POOL)) == "join.1"
    assert await check_of(workers, invitation(WORKER)) == "join.1"


async def test_join_2_an_expired_invitation_is_refused(workers: AdmittedWorkers):
    assert await check_of(workers, invitation(expiry=int(NOW))) == "join.2"


async def test_join_3_an_invitation_admits_one_worker_and_a_removed_one_stays_out(workers: AdmittedWorkers):
    await admissions(workers).join(signed_call(JoinRequest(invitation=invitation())))
    assert await check_of(workers, invitation(), SigningKey.generate()) == "join.3"
    workers.remove(WORKER.address, NOW)
    assert WORKER.address not in workers
    assert await check_of(workers, invitation(nonce=to_digest(b"\x02" * 32))) == "join.3"


async def test_a_call_that_the_worker_did_not_sign_now_is_refused_as_a_login_is(workers: AdmittedWorkers):
    with pytest.raises(CallRefused) as refused:
        await admissions(workers).join(signed_call(JoinRequest(invitation=invitation()), issued=int(NOW) - 100))
    assert refused.value.check == "1"
    with pytest.raises(InputRefused):
        await admissions(workers).join(signed_call(NextJob()))


class Escrow:
    """The hub's accounts, and how often they are read."""

    def __init__(self, free: int, locked: int = 0) -> None:
        self.account, self.reads = AccountView(Nrlc(free), Nrlc(locked)), 0

    async def read(self, worker: Address) -> AccountView:
        self.reads += 1
        return self.account


def bonded(workers: AdmittedWorkers, escrow: Escrow, clock: Callable[[], float] = lambda: 0.0) -> WorkerBonds:
    return WorkerBonds(5 * 10**9, escrow.read, workers.joined_openly, clock)


def open_admissions(workers: AdmittedWorkers, bonds: WorkerBonds) -> WorkerAdmissions:
    return WorkerAdmissions(workers, POOL, DOMAIN, OWNER, lambda: NOW, is_open=True, bonds=bonds)


async def test_join_4_an_open_pool_admits_without_an_invitation_who_has_the_bond_in_escrow(workers: AdmittedWorkers):
    poor, rich = Escrow(free=10**9, locked=15 * 10**8), Escrow(free=3 * 10**9, locked=2 * 10**9)
    with pytest.raises(CallRefused, match=rf"has 2\.5 RLC in escrow.* worker deposit {WORKER.address} 2\.5") as refused:
        await open_admissions(workers, bonded(workers, poor)).join(signed_call(JoinRequest()))
    assert (refused.value.check, WORKER.address in workers) == ("join.4", False)
    signed = await open_admissions(workers, bonded(workers, rich)).join(signed_call(JoinRequest()))
    assert (signed.admission.worker, workers.joined_openly(WORKER.address)) == (WORKER.address, True)
    with pytest.raises(CallRefused, match="requires a bond of 5 RLC"):
        await open_admissions(workers, bonded(workers, poor)).join(signed_call(JoinRequest()))


async def test_a_removed_worker_is_not_asked_for_a_bond(workers: AdmittedWorkers):
    workers.remove(WORKER.address, NOW)
    escrow = Escrow(free=0)
    with pytest.raises(CallRefused) as refused:
        await open_admissions(workers, bonded(workers, escrow)).join(signed_call(JoinRequest()))
    assert (refused.value.check, escrow.reads) == ("join.3", 0)


async def test_an_invited_worker_and_one_of_the_settings_need_no_bond(workers: AdmittedWorkers, url: str):
    escrow = Escrow(free=0)
    await open_admissions(workers, bonded(workers, escrow)).join(signed_call(JoinRequest(invitation=invitation())))
    await bonded(workers, escrow).require_of_member(WORKER.address)
    with closing(AdmittedWorkers(url, frozenset({OTHER_POOL}))) as listed:
        await bonded(listed, escrow).require_of_member(OTHER_POOL)
    assert escrow.reads == 0


async def test_a_bond_counts_for_half_a_minute_and_is_read_again(workers: AdmittedWorkers):
    escrow, now = Escrow(free=5 * 10**9), 100.0
    bonds = bonded(workers, escrow, lambda: now)
    await open_admissions(workers, bonds).join(signed_call(JoinRequest()))
    escrow.account = AccountView(Nrlc(0), Nrlc(0))
    now += BOND_SECONDS - 1
    await bonds.require_of_member(WORKER.address)
    now += 1
    with pytest.raises(CallRefused, match="has 0 RLC in escrow"):
        await bonds.require_of_member(WORKER.address)
    assert escrow.reads == 2


async def test_a_pool_without_a_bond_reads_no_escrow(workers: AdmittedWorkers):
    escrow = Escrow(free=0)
    none = WorkerBonds(0, escrow.read, workers.joined_openly)
    await open_admissions(workers, none).join(signed_call(JoinRequest()))
    await none.require_of_member(WORKER.address)
    assert escrow.reads == 0
