import asyncio
import time
from pathlib import Path
from typing import get_args

import pytest

from sealgrid.attestation.statements import WorkerCall
from sealgrid.chain.blocks import Block, BlockTrail
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import CallRefused, InputRefused
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.config import read_key
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.persistent_state import PersistentState
from sealgrid.pool.service import TaskService
from sealgrid.pool.worker_sessions import AllowedWorkers, verify_login
from sealgrid.units import DealId, to_address, to_digest
from sealgrid.wire.message import Message, encode
from sealgrid.wire.pool import AuthoriseRequest, NextJob, SignedCall
from sealgrid.wire.worker_session import SessionCall, WorkerLogin, call_mac, login_info

DEAL = DealId(to_digest(b"\x0d" * 32))
TASK = task_id(DEAL, 0)
POOL, WORKER = to_address(b"\x0f" * 20), SigningKey.from_bytes(b"\x01" * 32)
DOMAIN = Domain(31337, to_address(b"\x0e" * 20))
OURS = AllowedWorkers(domain=DOMAIN, pool=POOL, allowed={WORKER.address})
BLOCK = Block(number=7, hash=to_digest(b"\x07" * 32), parent=to_digest(b"\x06" * 32), timestamp=100)
SEEN = e.DealMatched(
    at=1,
    deal=DEAL,
    first=0,
    size=1,
    app=POOL,
    app_digest=DEAL,
    bundle="/ipfs/b",
    contribution_deadline=2**40,
    final_deadline=2**41,
)


def signed(message: Message, *, issued: int = 1000, pool: str = POOL, key: SigningKey = WORKER) -> SignedCall:
    payload = encode(message)
    said = WorkerCall(pool=to_address(pool), worker=key.address, content=to_digest(sha256(payload)), issued=issued)
    return SignedCall(worker=key.address, issued=issued, signature=said.sign(DOMAIN, key), payload=payload)


def signed_login(*, issued: int = 1000) -> tuple[SignedCall, HpkeKey]:
    key = HpkeKey.generate()
    return signed(WorkerLogin(public=key.public), issued=issued), key


def test_what_was_applied_is_there_after_a_restart(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "pool.sqlite")
    state = PersistentState(store)
    state.apply_chain_events([SEEN, e.TaskInitialized(at=2, task=TASK)], BlockTrail((BLOCK,)))
    state.apply(e.JobRequested(at=3, worker=WORKER.address, chain_now=3))
    store.close()
    again = EventStore(tmp_path / "pool.sqlite")
    assert PersistentState(again).current == state.current
    assert again.trail() == BlockTrail((BLOCK,))
    again.close()


def test_an_event_that_changes_nothing_is_not_kept(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "pool.sqlite")
    PersistentState(store).apply(e.JobRequested(at=3, worker=WORKER.address, chain_now=3))
    PersistentState(store).apply_chain_events([e.TaskFinalized(at=3, task=TASK)], BlockTrail((BLOCK,)))
    assert list(store.replay()) == []
    store.close()


async def test_a_waiting_worker_is_woken_by_the_deal_itself(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "pool.sqlite")
    state = PersistentState(store)
    task_service = TaskService(state, ChainClock(), OURS, SigningKey.generate())
    login, key = signed_login(issued=int(time.time()))
    opened = task_service.login(login)
    secret, payload = key.open(opened.sealed, login_info(opened.session, login.signature)), encode(NextJob(wait=30))
    mac = call_mac(secret, "/jobs/next", 1, payload)
    call = SessionCall(session=opened.session, number=1, mac=mac, payload=payload)
    waiting = asyncio.create_task(task_service.next_job(call))
    await asyncio.sleep(0)
    assert not waiting.done()
    state.apply_chain_events([SEEN, e.TaskInitialized(at=2, task=TASK)], BlockTrail((BLOCK,)))
    job = await waiting
    assert job is not None
    assert job.task == TASK
    store.close()


def test_a_good_login_says_who_speaks_and_what() -> None:
    login = WorkerLogin(public=b"key")
    assert verify_login(signed(login), OURS, at=1030.0) == (WORKER.address, login)


@pytest.mark.parametrize("at", [939.0, 1061.0])
def test_1_a_call_that_is_too_old_or_too_new_is_refused(at: float) -> None:
    with pytest.raises(CallRefused) as refused:
        verify_login(signed_login()[0], OURS, at=at)
    assert refused.value.check == "1"


def test_2_a_call_for_another_pool_is_refused() -> None:
    with pytest.raises(CallRefused) as refused:
        verify_login(signed(WorkerLogin(public=b"key"), pool=WORKER.address), OURS, at=1000.0)
    assert refused.value.check == "2"


def test_2_a_call_without_a_signature_is_refused() -> None:
    call, _ = signed_login()
    with pytest.raises(CallRefused) as refused:
        verify_login(SignedCall(worker=call.worker, issued=1000, signature=b"", payload=call.payload), OURS, at=1000)
    assert refused.value.check == "2"


def test_3_a_pool_without_a_list_admits_nobody_and_remembers_nobody(tmp_path: Path) -> None:
    store, nobody = EventStore(tmp_path / "pool.sqlite"), AllowedWorkers(domain=DOMAIN, pool=POOL, allowed=frozenset())
    task_service = TaskService(
        PersistentState(store), ChainClock(), nobody, SigningKey.generate(), clock=lambda: 1000.0
    )
    with pytest.raises(CallRefused) as refused:
        task_service.login(signed_login()[0])
    assert (refused.value.check, task_service.view().workers) == ("3", 0)
    store.close()


def test_3_a_worker_that_is_not_admitted_is_refused() -> None:
    with pytest.raises(CallRefused) as refused:
        verify_login(signed_login()[0], AllowedWorkers(domain=DOMAIN, pool=POOL, allowed={POOL}), at=1000.0)
    assert refused.value.check == "3"


def test_4_a_call_that_belongs_on_another_path_is_refused() -> None:
    with pytest.raises(InputRefused, match="the message is not valid"):
        verify_login(signed(AuthoriseRequest(task=TASK, enclave=POOL)), OURS, at=1000.0)


def test_the_chains_clock_goes_on_without_blocks_and_follows_a_jump() -> None:
    clock = ChainClock()
    clock.observe(1, 1000, now=1000.0)
    assert clock.now(1060.0) == 1060
    clock.observe(2, 5000, now=1060.0)
    assert clock.now(1070.0) == 5010
    clock.observe(2, 5000, now=1070.0)
    assert clock.now(1080.0) == 5020


def test_an_old_block_does_not_set_the_clock_back() -> None:
    clock = ChainClock()
    clock.observe(1, 1000, now=9000.0)
    assert clock.now(9001.0) == 9001


@pytest.mark.parametrize("content", [b"\x01" * 32, b"0x" + b"01" * 32 + b"\n", b"01" * 32])
def test_a_key_file_is_read_as_bytes_or_hex(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_bytes(content)
    assert read_key(file).address == WORKER.address


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\x01" * 32)
    file.chmod(0o640)
    with pytest.raises(InputRefused, match="mode 600"):
        read_key(file)


@pytest.mark.parametrize("content", [b"", b"no key at all", b"\x00" * 32, b"\xff" * 40])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(InputRefused) as refused:
        read_key(file)
    assert refused.value.__cause__ is None
    assert "no key at all" not in str(refused.value)


def test_events_of_older_pools_replay_under_their_stored_tags() -> None:
    stored = (
        "DealSeen",
        "WorkerAsked",
        "ChainInitialised",
        "EnclaveNamed",
        "StageReported",
        "VaultsAnswered",
        "LeaseExpired",
        "ContributionClosed",
        "RefundDue",
        "ChainFinalized",
        "ChainClaimed",
        "Restarted",
    )
    assert tuple(each.__struct_config__.tag for each in get_args(e.AnyEvent)) == stored
