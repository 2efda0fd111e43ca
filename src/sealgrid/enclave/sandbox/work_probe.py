"""Work probes: whether the host gave the enclave's processors their speed while an app ran.

A probe is a fixed piece of work on a randomly chosen processor at a random moment. A host that withholds processors to
make an app miss its time limits has to do so between the probes, whose moments it cannot foresee, and is then seen by
the gap in which nothing ran.
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
SLOWEST_SECONDS: Final = 0.003  #: that a probe takes on the slowest machine that counts as running at its speed
MEAN_PAUSE_SECONDS: Final = 0.5
LONGEST_GAP_SECONDS: Final = 0.5  #: between two looks of a runtime that looks twenty times a second
LEAST_PROBES: Final = 3
HALF: Final = 0.5


def probe() -> None:
    """Do the work of one probe on a random processor of this thread's."""
    everywhere = os.sched_getaffinity(0)
    with suppress(OSError):
        os.sched_setaffinity(0, {_RANDOM.choice(sorted(everywhere))})
    try:
        hashlib.sha256(_WORK).digest()
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, everywhere)


class SpeedMeter:
    """Measures the speed of the processors while an app runs; ``clock`` returns seconds and never goes back.

    Call ``look`` often. ``uniform`` returns a random number from 0 to 1, ``work`` does what one probe does;
    ``mean_pause`` are the seconds between two probes.
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
        self._calibrated = min(SLOWEST_SECONDS, *(self._timed() for _ in range(_CALIBRATIONS)))
        self._probes, self._spent, self._stalled = 0, 0.0, 0.0
        self._began = self._looked = clock()
        self._next = self._began + self._pause()

    def look(self) -> None:
        """Take note that the enclave runs now, and probe when it is time."""
        now = self._clock()
        gap = now - self._looked
        self._stalled += gap if gap > LONGEST_GAP_SECONDS else 0.0
        if now >= self._next:
            self._spent += self._timed()
            self._probes += 1
            self._next = self._clock() + self._pause()
        self._looked = self._clock()

    def at_speed(self) -> bool:
        """Return whether enough probes ran at half the calibrated speed, and stalls took at most half of the time."""
        lasted = self._clock() - self._began
        quick = self._calibrated * self._probes >= HALF * self._spent
        return self._probes >= LEAST_PROBES and quick and self._stalled <= HALF * lasted

    def _timed(self) -> float:
        begun = self._clock()
        self._work()
        return self._clock() - begun

    def _pause(self) -> float:
        return 2 * self._mean_pause * self._uniform()
