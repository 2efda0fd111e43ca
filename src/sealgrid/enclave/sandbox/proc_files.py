"""The two files of ``/proc`` that an app sees: numeric libraries read them (proc(5)).

Neither says anything about the rest of the machine: an app could read there what runs beside it. ``/proc/meminfo``
describes the app's own limit, the same on every machine. ``/proc/cpuinfo`` describes the processors without their
present frequencies, which depend on their load.
"""

import re
from typing import Final

_MEMORY_FIELDS: Final = {
    "MemTotal": 1,
    "MemFree": 1,
    "MemAvailable": 1,
    "Buffers": 0,
    "Cached": 0,
    "SwapCached": 0,
    "SwapTotal": 0,
    "SwapFree": 0,
}
_FREQUENCY: Final = re.compile(rb"(?m)^(cpu MHz|clock)([ \t]*:).*$")


def meminfo(memory: int) -> bytes:
    """Return ``/proc/meminfo`` of a machine that has ``memory`` bytes, all of them free, and no swap."""
    return "".join(
        f"{name + ':':<15} {memory // 1024 * share:>8} kB\n" for name, share in _MEMORY_FIELDS.items()
    ).encode()


def without_frequencies(cpuinfo: bytes) -> bytes:
    """Return ``/proc/cpuinfo`` with 0 as the frequency of each processor."""
    return _FREQUENCY.sub(rb"\1\2 0.000", cpuinfo)
