"""Work probes: measure whether the enclave's processors ran at speed while an app ran.

A probe is a fixed amount of work on a random processor at a random moment. A host that withholds processors to make an
app miss its time limits cannot predict the probes. If it stops the enclave between them, the gap between two samples
shows it.
"""

import hashlib
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_WORK: Final = bytes(256 << 10)
_CALIBRATIONS: Final = 5
_RANDOM: Final = random.SystemRandom()
MAX_PROBE_SECONDS: Final = 0.003  #: duration of a probe on the slowest machine that is accepted
MEAN_PAUSE_SECONDS: Final = 0.5
MAX_GAP_SECONDS: Final = 0.5  #: between two samples of a runtime that samples twenty times a second
MIN_PROBES: Final = 3
HALF: Final = 0.5


def probe() -> None:
    """Do the work of one probe on a random processor of this thread's affinity."""
    affinity = os.sched_getaffinity(0)
    with suppress(OSError):
        os.sched_setaffinity(0, {_RANDOM.choice(sorted(affinity))})
    try:
        hashlib.sha256(_WORK).digest()
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, affinity)


class SpeedMeter:
    """Measures the speed of the processors while an app runs.

    Call ``sample`` often. ``clock`` returns monotonic seconds, ``uniform`` a random number from 0 to 1; ``work`` does
    the work of one probe; ``mean_pause`` is the mean time between two probes in seconds.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        work: Callable[[], None] = probe,
        uniform: Callable[[], float] = _RANDOM.random,
        mean_pause: float = MEAN_PAUSE_SECONDS,
    ) -> None:
        self._clock, self._work, self._uniform, self._mean_pause = clock, work, uniform, mean_pause
        self._calibrated = min(MAX_PROBE_SECONDS, *(self._timed() for _ in range(_CALIBRATIONS)))
        self._probes, self._probe_seconds, self._stalled_seconds = 0, 0.0, 0.0
        self._start = self._last_sample = clock()
        self._next = self._start + self._pause()

    def sample(self) -> None:
        """Record that the enclave runs now, and probe when a probe is due."""
        now = self._clock()
        gap = now - self._last_sample
        self._stalled_seconds += gap if gap > MAX_GAP_SECONDS else 0.0
        if now >= self._next:
            self._probe_seconds += self._timed()
            self._probes += 1
            self._next = self._clock() + self._pause()
        self._last_sample = self._clock()

    def at_speed(self) -> bool:
        """Return whether enough probes ran at half the calibrated speed, and stalls were at most half of the time."""
        elapsed = self._clock() - self._start
        fast_enough = self._calibrated * self._probes >= HALF * self._probe_seconds
        return self._probes >= MIN_PROBES and fast_enough and self._stalled_seconds <= HALF * elapsed

    def _timed(self) -> float:
        start = self._clock()
        self._work()
        return self._clock() - start

    def _pause(self) -> float:
        return 2 * self._mean_pause * self._uniform()
