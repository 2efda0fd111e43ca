"""When a worker takes jobs, and when it ends: pure rules over the time and the machine's load."""

import time
from dataclasses import dataclass

from sealgrid.errors import InputRefused

IDLE_LOAD = 0.3  #: runnable processes for each processor; a machine with more is in use


@dataclass(frozen=True, slots=True)
class MachineUse:
    """Use of a machine by others than the worker."""

    load: float  #: runnable processes for each processor, over a minute (proc(5), loadavg)
    users: int  #: logged in


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """Limits of one run of a worker; the defaults limit nothing."""

    jobs: int = 1  #: at the same time
    max_jobs: int | None = None  #: altogether
    idle_exit: float | None = None  #: seconds without a job, after which the worker ends
    until: float | None = None  #: Unix seconds, after which it takes no job
    hours: tuple[int, int] | None = None  #: of the local day, from and to; it takes jobs only then
    when_idle: bool = False  #: it takes jobs only while others do not use the machine

    def ends(self, *, started: int, idle_since: float, now: float) -> bool:
        """Return whether the worker takes no further job; ``started`` counts its jobs."""
        return (
            (self.max_jobs is not None and started >= self.max_jobs)
            or (self.idle_exit is not None and now - idle_since >= self.idle_exit)
            or (self.until is not None and now >= self.until)
        )

    def may_take(self, now: float, use: MachineUse) -> bool:
        """Return whether the worker may take a job at this time, with this use of the machine."""
        if self.hours is not None and not _within(time.localtime(now).tm_hour, self.hours):
            return False
        return not self.when_idle or (use.users == 0 and use.load < IDLE_LOAD)


def parse_hours(text: str) -> tuple[int, int]:
    """Parse hours of the day such as ``22-6``; raise InputRefused for anything else."""
    first, _, last = text.partition("-")
    if first.isascii() and last.isascii() and first.isdecimal() and last.isdecimal():
        hours = int(first), int(last)
        if max(hours) <= 24 and hours[0] != hours[1]:
            return hours
    raise InputRefused(f"{text!r} are no hours of a day; write them as 22-6.", money="")


def _within(hour: int, hours: tuple[int, int]) -> bool:
    first, last = hours
    return first <= hour < last if first < last else hour >= first or hour < last
