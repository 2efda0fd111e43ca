"""Pads how long an app ran: an observer of a run learns one step of a geometric scale, not what the app read."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

SHORTEST: Final = 0.05  #: seconds
FACTOR: Final = 1.1  #: between two steps: no run takes more than 10 % longer, but for the shortest

T = TypeVar("T")


def padded_seconds(seconds: float) -> float:
    """Return the smallest step of the scale 50 ms · 1.1^k that is at least ``seconds``.

    A run of at most five minutes, an app's default limit, has one of 93 lengths (6.5 bits).
    """
    if seconds <= SHORTEST:
        return SHORTEST
    step = math.ceil(math.log(seconds / SHORTEST, FACTOR))
    # The logarithm is rounded: the neighbours decide.
    return next(length for k in (step - 1, step, step + 1) if (length := SHORTEST * FACTOR**k) >= seconds)


async def padded(
    work: Awaitable[T],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Wait for ``work`` and then until its time is a step of the scale, however it ends.

    ``clock`` returns seconds of a clock that never goes back.
    """
    begun = clock()
    try:
        return await work
    finally:
        lasted = clock() - begun
        await sleep(padded_seconds(lasted) - lasted)
