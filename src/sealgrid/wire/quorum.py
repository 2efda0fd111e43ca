"""Ask every member of a federation at once, and wait no longer for the last ones than enough answers are worth."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from sealgrid.errors import ServiceUnavailable

GRACE_SECONDS = 2.0  #: for the others, once enough members answered
PATIENT_SECONDS = 10.0  #: for members that answered a moment ago, where one more than enough mends what one spoils

T = TypeVar("T")


async def ask_all(
    questions: Sequence[Awaitable[T]], *, enough: int, grace: float = GRACE_SECONDS
) -> list[T | BaseException]:
    """Return each member's answer or error, in order; one that is silent for too long counts as ServiceUnavailable.

    Nobody is waited for longer than ``grace`` seconds after ``enough`` members answered: a dead machine must not hold
    up what the others can do without it. Until then each question's own time limit holds.
    """
    asked = [asyncio.ensure_future(question) for question in questions]
    try:
        waiting = set(asked)
        while waiting and sum(map(_answered, asked)) < enough:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if waiting:
            await asyncio.wait(waiting, timeout=grace)
    finally:
        silent = [each for each in asked if each.cancel()]
        await asyncio.gather(*asked, return_exceptions=True)
    return [_silence() if each in silent else each.exception() or each.result() for each in asked]


def _answered(asked: "asyncio.Future[T]") -> bool:
    return asked.done() and not asked.cancelled() and asked.exception() is None


def _silence() -> ServiceUnavailable:
    return ServiceUnavailable("one member did not answer while the others did.")
