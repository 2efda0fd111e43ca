"""Repeats work on a network that does not answer for a while."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sealgrid.errors import (
    ChainError,
    ContractReverted,
    NetworkNotRunning,
    OrderRefused,
    SealgridError,
    ServiceUnavailable,
    TooManyRequests,
)

ATTEMPTS: Final = 10  #: for a run that nobody sells: a quarter of an hour
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0  #: seconds between two attempts
Pause = Callable[[float], Awaitable[None]]
T = TypeVar("T")


def is_temporary(error: Exception | None) -> bool:
    """Return whether an error may be gone at the next attempt, without a change by anyone."""
    if isinstance(error, ContractReverted):
        return False
    return isinstance(error, ServiceUnavailable | ChainError | NetworkNotRunning | TooManyRequests)


async def until_available(work: Callable[[], Awaitable[T]], pause: Pause) -> T:
    """Repeat work while the network does not answer; at most ``ATTEMPTS`` times while nobody sells a run."""
    seconds, unsold = FIRST_PAUSE, 0
    while True:
        try:
            return await work()
        except SealgridError as error:
            unsold += isinstance(error, OrderRefused)
            if not is_temporary(error) and not (isinstance(error, OrderRefused) and unsold < ATTEMPTS):
                raise
        await pause(seconds)
        seconds = min(2 * seconds, LONGEST_PAUSE)
