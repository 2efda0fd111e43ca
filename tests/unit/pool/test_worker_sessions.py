"""A worker signs one login; its calls carry the session's key, a path and a number that is taken once."""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.statements import WorkerCall
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import CallRefused, CheckFailed, InputRefused, SessionEnded
from sealgrid.pool.api import handlers
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.event_store import EventStore
from sealgrid.pool.persistent_state import PersistentState
from sealgrid.pool.service import TaskService
from sealgrid.pool.worker_sessions import WINDOW, AllowedWorkers, WorkerSessions
from sealgrid.units import to_address, to_digest
from sealgrid.wire.http_transport import parse_error
from sealgrid.wire.message import Message, encode
from sealgrid.wire.pool import NextJob, PoolClient, SignedCall, StageReport
from sealgrid.wire.server import create_app
from sealgrid.wire.worker_session import SessionCall, WorkerLogin, call_mac, login_info
from sealgrid.worker.signed_pool_client import SignedPoolClient

POOL, WORKER = to_address(b"\x0f" * 20), SigningKey.from_bytes(b"\x01" * 32)
DOMAIN = Domain(31337, to_address(b"\x0e" * 20))
OURS = AllowedWorkers(domain=DOMAIN, pool=POOL, allowed={WORKER.address})
NEXT, STAGE = "/jobs/next", "/jobs/stage"
WAIT = NextJob(wait=3)


def login(*, issued: int = 1000, key: SigningKey = WORKER, to: HpkeKey | None = None) -> tuple[SignedCall, HpkeKey]:
    ephemeral = to or HpkeKey.generate()
    payload = encode(WorkerLogin(public=ephemeral.public))
    said = WorkerCall(pool=POOL, worker=key.address, content=to_digest(sha256(payload)), issued=issued)
    return SignedCall(worker=key.address, issued=issued, signature=said.sign(DOMAIN, key), payload=payload), ephemeral


class Opened:
    """One open session, and the key that only its worker has."""

    def __init__(self, sessions: WorkerSessions, *, at: float = 1000.0) -> None:
        call, ephemeral = login(issued=int(at))
        reply = sessions.open(call, at=at)
        self.sessions, self.name = sessions, reply.session
        self.key = ephemeral.open(reply.sealed, login_info(reply.session, call.signature))

    def call(self, number: int, message: Message = WAIT, *, path: str = NEXT) -> SessionCall:
        payload = encode(message)
        mac = call_mac(self.key, path, number, payload)
        return SessionCall(session=self.name, number=number, mac=mac, payload=payload)

    def verify(self, call: SessionCall, *, path: str = NEXT, at: float = 1000.0) -> object:
        return self.sessions.verify(call, path, NextJob, at=at)

    def number_of_refusal(self, call: SessionCall, *, path: str = NEXT, at: float = 1000.0) -> str:
        with pytest.raises(CheckFailed) as refused:
            self.verify(call, path=path, at=at)
        return refused.value.check


@pytest.fixture
def session() -> Opened:
    return Opened(WorkerSessions(OURS))


def test_a_call_of_a_session_says_who_speaks_and_what(session: Opened):
    assert session.verify(session.call(1)) == (WORKER.address, NextJob(wait=3))
    assert session.verify(session.call(2), at=1000 + 3600) == (WORKER.address, NextJob(wait=3))


def test_1_a_login_that_is_old_is_refused():
    with pytest.raises(CallRefused) as refused:
        WorkerSessions(OURS).open(login()[0], at=1061)
    assert refused.value.check == "1"


def test_2_a_login_whose_session_key_somebody_swapped_is_refused():
    mine = msgspec.structs.replace(login()[0], payload=encode(WorkerLogin(public=HpkeKey.generate().public)))
    with pytest.raises(CallRefused) as refused:
        WorkerSessions(OURS).open(mine, at=1000)
    assert refused.value.check == "2"


def test_3_a_worker_that_is_not_admitted_gets_no_session():
    with pytest.raises(CallRefused) as refused:
        WorkerSessions(OURS).open(login(key=SigningKey.generate())[0], at=1000)
    assert refused.value.check == "3"


def test_4_a_call_that_belongs_on_another_path_is_no_login(session: Opened):
    payload = encode(NextJob())
    said = WorkerCall(pool=POOL, worker=WORKER.address, content=to_digest(sha256(payload)), issued=1000)
    call = SignedCall(worker=WORKER.address, issued=1000, signature=said.sign(DOMAIN, WORKER), payload=payload)
    with pytest.raises(InputRefused, match="the message is not valid"):
        WorkerSessions(OURS).open(call, at=1000)


def test_4_a_message_that_belongs_on_another_path_is_refused(session: Opened):
    with pytest.raises(InputRefused, match="the message is not valid"):
        session.verify(session.call(1, StageReport(task="0x", stage="failed")))


def test_5_a_login_that_was_used_is_refused_so_that_copies_of_it_end_no_session():
    sessions = WorkerSessions(OURS)
    call, _ = login()
    sessions.open(call, at=1000)
    for at in (1000, 1030, 1059):
        with pytest.raises(CallRefused) as refused:
            sessions.open(call, at=at)
        assert refused.value.check == "5"


@pytest.mark.parametrize("public", [b"", bytes(32), b"\x01" * 33])
def test_a_login_with_a_key_that_is_none_is_refused(public: bytes):
    payload = encode(WorkerLogin(public=public))
    said = WorkerCall(pool=POOL, worker=WORKER.address, content=to_digest(sha256(payload)), issued=1000)
    call = SignedCall(worker=WORKER.address, issued=1000, signature=said.sign(DOMAIN, WORKER), payload=payload)
    with pytest.raises(InputRefused, match="X25519"):
        WorkerSessions(OURS).open(call, at=1000)


def test_6_a_session_that_ended_or_was_never_opened_is_refused_with_401(session: Opened):
    unknown = msgspec.structs.replace(session.call(1), session="00" * 16)
    for call, at in ((session.call(1), 1000 + 3601.0), (unknown, 1000.0)):
        with pytest.raises(SessionEnded) as refused:
            session.verify(call, at=at)
        assert (refused.value.check, refused.value.http_status) == ("6", 401)


def test_6_only_the_newest_sessions_of_a_worker_are_kept():
    sessions = WorkerSessions(OURS)
    opened = [Opened(sessions) for _ in range(6)]
    assert [each.number_of_refusal(each.call(1)) for each in opened[:2]] == ["6", "6"]
    assert [each.verify(each.call(1)) for each in opened[2:]] == [(WORKER.address, NextJob(wait=3))] * 4


SPOILT: dict[str, Callable[[Opened], tuple[SessionCall, str]]] = {
    "another path": lambda at: (at.call(1), STAGE),
    "another number": lambda at: (msgspec.structs.replace(at.call(1), number=2), NEXT),
    "another message": lambda at: (msgspec.structs.replace(at.call(1), payload=encode(NextJob(wait=4))), NEXT),
    "another session's key": lambda at: (
        msgspec.structs.replace(Opened(at.sessions).call(1), session=at.name),
        NEXT,
    ),
    "no mac": lambda at: (msgspec.structs.replace(at.call(1), mac=b""), NEXT),
    "a number below one": lambda at: (msgspec.structs.replace(at.call(1), number=-1), NEXT),
    "a number without end": lambda at: (msgspec.structs.replace(at.call(1), number=1 << 63), NEXT),
}


@pytest.mark.parametrize("what", SPOILT)
def test_7_a_call_with_something_else_than_its_key_was_used_for_is_refused(session: Opened, what: str):
    call, path = SPOILT[what](session)
    assert session.number_of_refusal(call, path=path) == "7"
    assert session.verify(session.call(1)), "a refused call takes no number"


def test_8_a_call_that_was_taken_is_refused(session: Opened):
    call = session.call(1)
    session.verify(call)
    assert [session.number_of_refusal(call, at=at) for at in (1000, 1001, 1030, 1059)] == ["8"] * 4


def test_8_calls_may_overtake_each_other_by_so_much_and_no_more(session: Opened):
    session.verify(session.call(100))
    session.verify(session.call(100 - WINDOW + 1))
    assert session.number_of_refusal(session.call(100 - WINDOW + 1)) == "8"
    assert session.number_of_refusal(session.call(100 - WINDOW)) == "8"


@given(st.lists(st.integers(1, 200), max_size=80))
def test_each_number_is_taken_at_most_once_and_every_fresh_one_near_the_highest_is(numbers: list[int]):
    session, taken = Opened(WorkerSessions(OURS)), set[int]()
    for number in numbers:
        fresh = number not in taken and number > max(taken, default=0) - WINDOW
        if fresh:
            session.verify(session.call(number))
            taken.add(number)
        else:
            assert session.number_of_refusal(session.call(number)) == "8"


def test_the_sessions_key_is_in_no_repr(session: Opened):
    assert session.key.hex() not in repr(session.sessions._sessions)
    assert repr(session.key) not in repr(session.sessions._sessions)


class InProcess:
    """A transport to the present service that records every message."""

    def __init__(self) -> None:
        self.app: object = None
        self.seen: list[tuple[str, bytes]] = []

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        self.seen.append((path, body))
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.request(method, path, content=body)
        if answer.is_success:
            return answer.content
        raise parse_error(answer.content, answer.status_code)


async def test_a_worker_logs_in_once_and_again_after_the_pools_restart_or_an_hour(tmp_path: Path):
    now, wire, stores = itertools.count(1000), InProcess(), []
    clock = [1000.0]

    def restart() -> None:
        stores.append(EventStore(tmp_path / "pool.sqlite"))
        task_service = TaskService(
            PersistentState(stores[-1]), ChainClock(), OURS, SigningKey.generate(), clock=lambda: clock[0]
        )
        wire.app = create_app(handlers(task_service))

    restart()
    reader = SignedPoolClient(PoolClient(wire), WORKER, DOMAIN, POOL, lambda: int(clock[0]))
    for _ in range(3):
        assert await reader.next_job(wait=0) is None
    assert [path for path, _ in wire.seen] == ["/jobs/login", NEXT, NEXT, NEXT]
    restart()
    wire.seen.clear()
    await asyncio.gather(*(reader.next_job(wait=0) for _ in range(5)))
    assert [path for path, _ in wire.seen].count("/jobs/login") == 1
    clock[0] += 3601 + next(now) - 1000
    assert await reader.next_job(wait=0) is None
    assert [path for path, _ in wire.seen].count("/jobs/login") == 2
    assert list(stores[-1].replay()) == []
    for store in stores:
        store.close()
