"""Calls all members of a federation concurrently, and stops waiting soon after enough of them succeeded."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from sealgrid.errors import ServiceUnavailable

GRACE_SECONDS = 2.0  #: extra time for the other members once enough succeeded
PATIENT_SECONDS = 10.0  #: extra time where one more reply than enough can replace a bad one

T = TypeVar("T")


async def call_all(
    calls: Sequence[Awaitable[T]], *, enough: int, grace: float = GRACE_SECONDS
) -> list[T | BaseException]:
    """Return each member's result or error, in order; a call that takes too long counts as ServiceUnavailable.

    Calls are cancelled ``grace`` seconds after ``enough`` of them succeeded, so a dead member delays nothing.
    Until then each call's own timeout applies.
    """
    futures = [asyncio.ensure_future(call) for call in calls]
    try:
        waiting = set(futures)
        succeeded = 0
        while waiting and succeeded < enough:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            succeeded += sum(not each.cancelled() and each.exception() is None for each in done)
        if waiting:
            await asyncio.wait(waiting, timeout=grace)
    finally:
        cancelled = [each for each in futures if each.cancel()]
        await asyncio.gather(*futures, return_exceptions=True)
    late = ServiceUnavailable("one member did not respond while the others did.")
    return [late if each in cancelled else each.exception() or each.result() for each in futures]
