"""How far a bag is, and how long the rest will take."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BagProgress:
    """How far a bag is."""

    total: int  #: shards
    ended: int  #: shards with a result or an error
    failed: int
    #: expected seconds until the last result: by the pace of this bag, before its first result by past runs; None if
    #: neither is known
    seconds_left: float | None


OnBagProgress = Callable[[BagProgress], None]


def ignore_bag_progress(progress: BagProgress) -> None:
    """Do nothing."""


def deadline_notice(total: int, expected: float | None, seconds: int) -> str | None:
    """Return a sentence for the buyer where tasks of a bag may miss their deadline, which is the same for all.

    ``expected`` seconds is one run by past runs; each task must end within ``seconds`` of its deal. None where one
    machine could compute all ``total`` tasks in that time, or nothing is known of past runs.
    """
    if expected is None or total * expected <= seconds:
        return None
    machines = math.ceil(total * expected / seconds)
    return (
        f"{total} tasks of about {expected:g} s each must end within {seconds} s of their deal: that takes {machines} "
        "machines of the pool; the price of a task that misses it comes back, and it can be bought again"
    )


def seconds_left(total: int, ended: int, seconds: float, expected: float | None) -> float | None:
    """Return the expected seconds until the last of ``total`` shards, of which ``ended`` ended in ``seconds``.

    Before the first end: as if one machine computed all, each in the ``expected`` seconds of a past run.
    """
    if ended:
        return (total - ended) * seconds / ended
    return None if expected is None else total * expected
