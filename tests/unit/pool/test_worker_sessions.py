"""A worker signs one login; its calls carry the session's key, a path and a number that is taken once."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.errors import CallRefused, CheckFailed, InputRefused, SessionEnded
from sealgrid.pool.worker_sessions import WINDOW, AllowedWorkers, WorkerSessions, verify_login
from sealgrid.wire.message import Message, encode
from sealgrid.wire.pool import AuthoriseRequest, NextJob, SignedCall, StageReport
from sealgrid.wire.worker_session import SessionCall, WorkerLogin, call_mac, login_info
from tests.unit.pool.pool_scene import DOMAIN, POOL, TASK, WORKER, WORKERS, signed_call, signed_login

NEXT, STAGE = "/jobs/next", "/jobs/stage"
WAIT = NextJob(wait=3)


class OpenSession:
    """One open session, and the key that only its worker has."""

    def __init__(self, sessions: WorkerSessions, *, at: float = 1000.0) -> None:
        call, ephemeral = signed_login(issued=int(at))
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
def session() -> OpenSession:
    return OpenSession(WorkerSessions(WORKERS))


def test_a_call_of_a_session_names_its_worker_and_message(session: OpenSession):
    assert session.verify(session.call(1)) == (WORKER.address, NextJob(wait=3))
    assert session.verify(session.call(2), at=1000 + 3600) == (WORKER.address, NextJob(wait=3))


def test_a_valid_login_names_its_worker() -> None:
    login = WorkerLogin(public=b"key")
    assert verify_login(signed_call(login), WORKERS, at=1030.0) == (WORKER.address, login)


@pytest.mark.parametrize("at", [939.0, 1061.0])
def test_1_a_call_that_is_too_old_or_too_new_is_refused(at: float) -> None:
    with pytest.raises(CallRefused) as refused:
        verify_login(signed_login()[0], WORKERS, at=at)
    assert refused.value.check == "1"


def test_2_a_call_for_another_pool_is_refused() -> None:
    with pytest.raises(CallRefused) as refused:
        verify_login(signed_call(WorkerLogin(public=b"key"), pool=WORKER.address), WORKERS, at=1000.0)
    assert refused.value.check == "2"


def test_2_a_call_without_a_signature_is_refused() -> None:
    call, _ = signed_login()
    with pytest.raises(CallRefused) as refused:
        verify_login(SignedCall(worker=call.worker, issued=1000, signature=b"", payload=call.payload), WORKERS, at=1000)
    assert refused.value.check == "2"


def test_3_a_worker_that_is_not_admitted_is_refused() -> None:
    with pytest.raises(CallRefused) as refused:
        verify_login(signed_login()[0], AllowedWorkers(domain=DOMAIN, pool=POOL, allowed={POOL}), at=1000.0)
    assert refused.value.check == "3"


def test_4_a_call_that_belongs_on_another_path_is_refused() -> None:
    with pytest.raises(InputRefused, match="the message is not valid"):
        verify_login(signed_call(AuthoriseRequest(task=TASK, fence=1, enclave=POOL)), WORKERS, at=1000.0)


def test_2_a_login_with_another_session_key_is_refused():
    forged = msgspec.structs.replace(signed_login()[0], payload=encode(WorkerLogin(public=HpkeKey.generate().public)))
    with pytest.raises(CallRefused) as refused:
        WorkerSessions(WORKERS).open(forged, at=1000)
    assert refused.value.check == "2"


def test_4_a_message_that_belongs_on_another_path_is_refused(session: OpenSession):
    with pytest.raises(InputRefused, match="the message is not valid"):
        session.verify(session.call(1, StageReport(task="0x", fence=1, stage="failed")))


def test_5_a_login_that_was_used_is_refused_so_that_copies_of_it_end_no_session():
    sessions = WorkerSessions(WORKERS)
    call, _ = signed_login()
    sessions.open(call, at=1000)
    for at in (1000, 1030, 1059):
        with pytest.raises(CallRefused) as refused:
            sessions.open(call, at=at)
        assert refused.value.check == "5"


@pytest.mark.parametrize("public", [b"", bytes(32), b"\x01" * 33])
def test_a_login_with_a_key_that_is_none_is_refused(public: bytes):
    with pytest.raises(InputRefused, match="X25519"):
        WorkerSessions(WORKERS).open(signed_call(WorkerLogin(public=public)), at=1000)


def test_6_a_session_that_ended_or_was_never_opened_is_refused_with_401(session: OpenSession):
    unknown = msgspec.structs.replace(session.call(1), session="00" * 16)
    for call, at in ((session.call(1), 1000 + 3601.0), (unknown, 1000.0)):
        with pytest.raises(SessionEnded) as refused:
            session.verify(call, at=at)
        assert (refused.value.check, refused.value.http_status) == ("6", 401)


def test_6_only_the_newest_sessions_of_a_worker_are_kept():
    sessions = WorkerSessions(WORKERS)
    opened = [OpenSession(sessions) for _ in range(6)]
    assert [each.number_of_refusal(each.call(1)) for each in opened[:2]] == ["6", "6"]
    assert [each.verify(each.call(1)) for each in opened[2:]] == [(WORKER.address, NextJob(wait=3))] * 4


CHANGES: dict[str, Callable[[OpenSession], tuple[SessionCall, str]]] = {
    "another path": lambda at: (at.call(1), STAGE),
    "another number": lambda at: (msgspec.structs.replace(at.call(1), number=2), NEXT),
    "another message": lambda at: (msgspec.structs.replace(at.call(1), payload=encode(NextJob(wait=4))), NEXT),
    "another session's key": lambda at: (
        msgspec.structs.replace(OpenSession(at.sessions).call(1), session=at.name),
        NEXT,
    ),
    "no mac": lambda at: (msgspec.structs.replace(at.call(1), mac=b""), NEXT),
    "a number below one": lambda at: (msgspec.structs.replace(at.call(1), number=-1), NEXT),
    "a number without end": lambda at: (msgspec.structs.replace(at.call(1), number=1 << 63), NEXT),
}


@pytest.mark.parametrize("change", CHANGES)
def test_7_a_call_with_something_else_than_its_key_was_used_for_is_refused(session: OpenSession, change: str):
    call, path = CHANGES[change](session)
    assert session.number_of_refusal(call, path=path) == "7"
    assert session.verify(session.call(1)), "a refused call takes no number"


def test_8_a_call_that_was_taken_is_refused(session: OpenSession):
    call = session.call(1)
    session.verify(call)
    assert [session.number_of_refusal(call, at=at) for at in (1000, 1001, 1030, 1059)] == ["8"] * 4


def test_8_calls_may_overtake_each_other_by_so_much_and_no_more(session: OpenSession):
    session.verify(session.call(100))
    session.verify(session.call(100 - WINDOW + 1))
    assert session.number_of_refusal(session.call(100 - WINDOW + 1)) == "8"
    assert session.number_of_refusal(session.call(100 - WINDOW)) == "8"


@given(st.lists(st.integers(1, 200), max_size=80))
def test_each_number_is_taken_at_most_once_and_every_fresh_one_near_the_highest_is(numbers: list[int]):
    session, taken = OpenSession(WorkerSessions(WORKERS)), set[int]()
    for number in numbers:
        fresh = number not in taken and number > max(taken, default=0) - WINDOW
        if fresh:
            session.verify(session.call(number))
            taken.add(number)
        else:
            assert session.number_of_refusal(session.call(number)) == "8"


def test_the_sessions_key_is_in_no_repr(session: OpenSession):
    assert session.key.hex() not in repr(session.sessions._sessions)
    assert repr(session.key) not in repr(session.sessions._sessions)
