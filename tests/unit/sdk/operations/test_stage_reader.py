"""Stages are private to the requester of a task, whose login is renewed; other accounts follow the public ones."""

import pytest

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import CallRefused
from sealgrid.sdk.operations.stage_reader import StageReader
from sealgrid.units import to_digest
from sealgrid.wire.pool import PublicTaskStatus, StageAt

TASK = to_digest(b"\xee" * 32)
PRIVATE, PUBLIC = (StageAt(stage="attested", at=1.25),), (StageAt(stage="working", at=1.0),)


class Pool:
    """A pool that knows the logins that it gave, for one requester."""

    def __init__(self, requester) -> None:
        self.requester, self.logins, self.public_waits = requester, set(), []

    async def challenge(self, chain, address):
        self.logins.add(f"challenge {len(self.logins)}")
        self.address = address
        return f"challenge {len(self.logins) - 1}"

    async def stages(self, task, token, *, after, wait):
        if not self.logins:
            raise CallRefused("login", "log in again.")
        if self.address != self.requester:
            raise CallRefused("requester", "the task has another requester.")
        return PRIVATE

    async def task(self, task, *, after=0, wait=0.0):
        self.public_waits.append((after, wait))
        return PublicTaskStatus(task=task, deal=task, index=0, worker=None, enclave=None, attempt=1, history=PUBLIC)


@pytest.fixture
def key():
    return SigningKey.generate()


async def test_a_requester_reads_exact_stages_with_one_login_an_hour(key):
    pool, now = Pool(key.address), [0.0]
    reader = StageReader(pool, 31337, key, lambda: now[0])
    for at, logins in ((0.0, 1), (2_900.0, 1), (3_000.0, 2)):
        now[0] = at
        assert await reader.stages(TASK, after=1, wait=1.0) == PRIVATE
        assert len(pool.logins) == logins


async def test_another_account_long_polls_the_public_stages(key):
    pool = Pool(SigningKey.generate().address)
    assert await StageReader(pool, 31337, key, lambda: 0.0).stages(TASK, after=2, wait=1.0) == PUBLIC
    assert pool.public_waits == [(2, 1.0)]


async def test_after_a_restart_of_the_pool_the_next_read_logs_in_again(key):
    pool = Pool(key.address)
    reader = StageReader(pool, 31337, key, lambda: 0.0)
    assert await reader.stages(TASK) == PRIVATE
    pool.logins.clear()
    assert await reader.stages(TASK, wait=1.0) == PUBLIC
    assert pool.public_waits == [(0, 0.0)], "at once: the next read is private again"
    assert await reader.stages(TASK) == PRIVATE
