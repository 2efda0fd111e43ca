"""Exact stages of an account's own tasks: logs in at the pool and renews the login before it expires."""

from collections.abc import Callable
from typing import Final

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import CallRefused
from sealgrid.units import TaskId
from sealgrid.wire.challenge import CORE, Token, answer
from sealgrid.wire.pool import PoolClient, StageAt

_RENEW_SECONDS: Final = 3000.0  #: the pool accepts a login for an hour (docs/protocol/pool.md)


class StageReader:
    """Reads the stages of tasks; ``clock`` returns Unix seconds."""

    def __init__(self, pool: PoolClient, chain: int, key: SigningKey, clock: Callable[[], float]) -> None:
        self._pool, self._chain, self._key, self._clock = pool, chain, key, clock
        self._token: Token | None = None
        self._renew_at = 0.0

    async def stages(self, task: TaskId, *, after: int = 0, wait: float = 0.0) -> tuple[StageAt, ...]:
        """Return the exact stages of a task that this account requested, the public ones of any other.

        The pool answers once there are more than ``after`` stages, or after ``wait`` seconds. Raises NotFound for a
        task that the pool does not know, ServiceUnavailable while the pool is away.
        """
        try:
            if self._token is None or self._clock() >= self._renew_at:
                challenge = await self._pool.challenge(self._chain, self._key.address)
                self._token = answer(self._chain, challenge, self._key, CORE)
                self._renew_at = self._clock() + _RENEW_SECONDS
            return await self._pool.stages(task, self._token, after=after, wait=wait)
        except CallRefused as refused:
            if refused.check == "requester":
                return (await self._pool.task(task, after=after, wait=wait)).history
            self._token = None  # the pool restarted and forgot the login
            return (await self._pool.task(task)).history
