"""Pads the run time of an app to a geometric scale, so an observer learns at most the step."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

MIN_SECONDS: Final = 0.05  #: seconds
FACTOR: Final = 1.1  #: between two steps: padding adds at most 10 %, except to the shortest runs

T = TypeVar("T")


def padded_seconds(seconds: float) -> float:
    """Return the smallest step of the scale 50 ms · 1.1^k that is at least ``seconds``.

    A run of at most five minutes, an app's default limit, has one of 93 lengths (6.5 bits).
    """
    if seconds <= MIN_SECONDS:
        return MIN_SECONDS
    step = math.ceil(math.log(seconds / MIN_SECONDS, FACTOR))
    # The logarithm is inexact, so the neighbouring steps are tested too.
    return next(length for k in (step - 1, step, step + 1) if (length := MIN_SECONDS * FACTOR**k) >= seconds)


async def padded(
    work: Awaitable[T],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Await ``work``, then wait until the elapsed time is a step of the scale, also when ``work`` raises.

    ``clock`` returns monotonic seconds.
    """
    start = clock()
    try:
        return await work
    finally:
        elapsed = clock() - start
        await sleep(padded_seconds(elapsed) - elapsed)
