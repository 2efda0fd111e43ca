"""Two operations at once, of which none is left running when the other one fails."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


async def both(one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """Return two results; raise the first one's error, or the other one's, after both have ended."""
    first, second = await asyncio.gather(one, other, return_exceptions=True)
    for ended in (first, second):
        if isinstance(ended, BaseException):
            raise ended
    return first, second  # type: ignore[return-value]
