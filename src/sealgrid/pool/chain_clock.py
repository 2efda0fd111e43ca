"""The chain's clock between two blocks."""


class ChainClock:
    """Estimate the chain's time: its last block's, plus what passed here since; never behind our own clock.

    A quiet chain writes no block, yet its deadlines pass: the next transaction would carry the later time.
    """

    def __init__(self) -> None:
        self._ahead = 0.0  #: how far the chain's clock runs before ours
        self._number = -1

    def observe(self, number: int, timestamp: int, now: float) -> None:
        """Take note of the newest block."""
        if number != self._number:
            self._number, self._ahead = number, max(0.0, timestamp - now)

    def now(self, now: float) -> int:
        """Return the chain's time in whole Unix seconds."""
        return int(now + self._ahead)
