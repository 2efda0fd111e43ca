"""Virtual time: one heap of events, chance from one seed, and faults with the probabilities of a scenario."""

import heapq
import random
from collections.abc import Callable
from typing import NoReturn

from tests.unit.pool.scenario import InvariantBroken, Scenario


class VirtualTime:
    """The time of one simulation; ``now`` is in seconds."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario, self.chance, self.now = scenario, random.Random(scenario.seed), 0.0
        self.events = 0  #: that have happened
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

    def at(self, seconds: float, happen: Callable[[], None]) -> None:
        """Let something happen after some seconds."""
        self._order += 1
        heapq.heappush(self._heap, (self.now + seconds, self._order, happen))

    def every(self, seconds: float, happen: Callable[[], None]) -> None:
        """Let something happen again and again."""

        def again() -> None:
            happen()
            self.at(seconds, again)

        self.at(seconds, again)

    def go_on(self, until: float) -> None:
        """Let the next event happen; nothing must be left to do after ``until``."""
        self.now, _, happen = heapq.heappop(self._heap)
        if self.now > until:
            self.fail("tasks have not ended at their final deadline")
        happen()
        self.events += 1

    def happens(self, kind: str) -> bool:
        """Return whether a fault happens now."""
        probability: float = getattr(self.scenario.faults, kind)
        return self.now < self.scenario.faulty_seconds and self.chance.random() < probability

    def fail(self, why: str) -> NoReturn:
        """Raise InvariantBroken with the time and the scenario."""
        raise InvariantBroken(f"at {self.now:.2f} s: {why}\n{self.scenario}")
