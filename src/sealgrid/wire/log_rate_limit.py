"""Rate limit of log messages that clients can cause: a few lines a minute, the rest is counted."""

import logging
import time
from collections.abc import Callable
from typing import Final

LINES_PER_MINUTE: Final = 10  #: for each message
_MAX_MESSAGES: Final = 1000  #: tracked
_LOGGERS: Final = ("asyncio", "uvicorn.error", "sealgrid")  #: accept errors, malformed requests, unforeseen errors


class RepeatFilter(logging.Filter):
    """Passes each message LINES_PER_MINUTE times a minute; ``clock`` returns monotonic seconds.

    A message is identified by logger, level and first line without arguments. The next line that passes has the number
    of suppressed ones.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._counts: dict[tuple[str, int, str], tuple[float, int]] = {}  # start of the minute, number of messages

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write the record."""
        now, key = self._clock(), (record.name, record.levelno, str(record.msg).partition("\n")[0][:200])
        began, count = self._counts.pop(key, (now, 0))
        if now - began >= 60:
            left_out, began, count = count - LINES_PER_MINUTE, now, 0
            if left_out > 0:
                record.msg = f"{record.msg}\n({left_out} more of these were not written)"
        if len(self._counts) >= _MAX_MESSAGES:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = (began, count + 1)
        return count < LINES_PER_MINUTE


_FILTER = RepeatFilter()


def install_log_rate_limit() -> None:
    """Install the filter on loggers in which clients can cause messages; idempotent."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
