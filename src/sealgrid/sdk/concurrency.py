"""Run requests concurrently, and judge the replies of all vaults."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from sealgrid.errors import ServiceUnavailable

A = TypeVar("A")
B = TypeVar("B")


async def both(one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """Return both results. After both have ended, raise the first error: no operation is left running."""
    first, second = await asyncio.gather(one, other, return_exceptions=True)
    for ended in (first, second):
        if isinstance(ended, BaseException):
            raise ended
    return first, second  # type: ignore[return-value]


def require_replies(replies: Sequence[object], needed: int) -> None:
    """Raise unless ``needed`` vaults succeeded: a vault's refusal first, else ServiceUnavailable."""
    failed = [reply for reply in replies if isinstance(reply, BaseException)]
    if len(replies) - len(failed) >= needed:
        return
    silent = [reply for reply in failed if isinstance(reply, ServiceUnavailable)]
    for refusal in failed:
        if not isinstance(refusal, ServiceUnavailable):
            raise refusal
    raise ServiceUnavailable(
        f"{len(silent)} of {len(replies)} vaults do not answer, and {needed} are needed: {silent[0].message} "
        "Try again when they do."
    )
