"""Keep one message from filling a log: what clients can cause is written a few times a minute, the rest is counted."""

import logging
import time
from collections.abc import Callable
from typing import Final

LINES_PER_MINUTE: Final = 10  #: of one message
_MOST_MESSAGES: Final = 1000  #: remembered
_LOGGERS: Final = ("asyncio", "uvicorn.error", "sealgrid")  #: accept errors, malformed requests, unforeseen errors


class RepeatFilter(logging.Filter):
    """Passes a message LINES_PER_MINUTE times a minute; ``clock`` in seconds, never backwards.

    A message is its logger, level and first line without arguments. The next one that passes says how many did not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._counts: dict[tuple[str, int, str], tuple[float, int]] = {}  # start of the minute, messages in it

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a record."""
        now, key = self._clock(), (record.name, record.levelno, str(record.msg).partition("\n")[0][:200])
        began, count = self._counts.pop(key, (now, 0))
        if now - began >= 60:
            left_out, began, count = count - LINES_PER_MINUTE, now, 0
            if left_out > 0:
                record.msg = f"{record.msg}\n({left_out} more of these were not written)"
        if len(self._counts) >= _MOST_MESSAGES:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = (began, count + 1)
        return count < LINES_PER_MINUTE


_FILTER = RepeatFilter()


def install_log_rate_limit() -> None:
    """Filter the loggers in which clients can cause messages; calling it again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
