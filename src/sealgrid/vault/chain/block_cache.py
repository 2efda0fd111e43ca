"""What was read at a block's hash: it can never be another, so it is asked once and forgotten with its block."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

from sealgrid.units import Digest

BLOCKS: Final = 2  #: a new block comes while requests about the one before are under way
MOST_ANSWERS: Final = 1024  #: of one block

T = TypeVar("T")
Question = tuple[object, ...]


class BlockCache:
    """Answers by block and question; two who ask at once wait for one answer."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[Digest, dict[Question, asyncio.Future[Any]]] = OrderedDict()

    async def once(self, at: Digest, question: Question, read: Callable[[], Awaitable[T]]) -> T:
        """Return the answer to a question about a block; a failure is not remembered."""
        answers = self._answers(at)
        if question not in answers:
            if len(answers) >= MOST_ANSWERS:
                answers.clear()
            answers[question] = asyncio.ensure_future(read())
        reading = answers[question]
        try:
            return cast("T", await asyncio.shield(reading))  # others may wait for the same
        except BaseException:
            if reading.done() and (reading.cancelled() or reading.exception() is not None):
                answers.pop(question, None)
            raise

    def _answers(self, at: Digest) -> dict[Question, asyncio.Future[Any]]:
        if at not in self._blocks:
            self._blocks[at] = {}
            while len(self._blocks) > BLOCKS:
                self._blocks.popitem(last=False)
        return self._blocks[at]
