"""The machine of a run."""

import os
import platform
from pathlib import Path

import msgspec


class Machine(msgspec.Struct, frozen=True):
    """The machine, and how busy it was when the measurement began."""

    cpu: str
    cores: int  #: that this process may use
    memory_bytes: int
    python: str
    load: tuple[float, float, float]  #: 1, 5 and 15 minutes

    def __str__(self) -> str:
        load = " ".join(f"{each:.2f}" for each in self.load)
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_bytes / 2**30:.0f} GiB, Python {self.python}, "
            f"load average at start {load}"
        )


def this_machine() -> Machine:
    """Look at this machine (Linux)."""
    return Machine(
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        python=platform.python_version(),
        load=os.getloadavg(),
    )


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
