"""Which limits hold around an app on this machine; what does not hold is said, with what stands in for it."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealgrid.platform.machine_probe import ProbeFinding

_ACTIONS, _CORE_PATTERN = Path("/proc/sys/kernel/seccomp/actions_avail"), Path("/proc/sys/kernel/core_pattern")
_WATCHED = {
    "memory": "not active: the runtime looks 20 times a second and ends an app above its limit",
    "pids": "not active: the runtime looks 20 times a second, and a fork bomb may be faster",
}


def limits_here() -> "tuple[ProbeFinding, ...]":
    """Return every limit, tried where that is possible."""
    from sealgrid.bundle.manifest import AppLimits
    from sealgrid.enclave.sandbox.sandbox import lower_limits
    from sealgrid.platform.cgroups import Cgroups

    return limits_of(
        active=Cgroups().active,
        user=os.geteuid(),
        actions=_read(_ACTIONS),
        pattern=_read(_CORE_PATTERN),
        most_core=resource.getrlimit(resource.RLIMIT_CORE)[1],
        lower=lower_limits(AppLimits()),
    )


def limits_of(
    *, active: Mapping[str, int], user: int, actions: str, pattern: str, most_core: int, lower: str | None = None
) -> "tuple[ProbeFinding, ...]":
    """Judge what was read: ``active`` control groups, our user id, the kernel's filter actions and core pattern.

    ``lower`` names a hard limit of this process that is below what an app with a manifest's default limits is given.
    """
    from sealgrid.enclave.sandbox.bubblewrap import SCRATCH_BYTES
    from sealgrid.enclave.sandbox.seccomp import refused_calls
    from sealgrid.platform.machine_probe import ProbeFinding

    groups = [
        ProbeFinding(f"{name} cgroup", name in active, f"version {active[name]}" if name in active else _WATCHED[name])
        for name in _WATCHED
    ]
    as_user = (
        "an app is nobody inside; outside it is this user" if user else "not active: run the worker as its own user"
    )
    filtered = {"errno", "kill_process"} <= set(actions.split())
    calls = f"{len(refused_calls(os.uname().machine))} calls refused, new namespaces and other sockets too"
    # A program that core dumps are piped to gets them unless the limit is exactly 1 byte (core(5)).
    piped = pattern.startswith("|") and most_core == 0
    return (
        *groups,
        ProbeFinding("own user", user != 0, as_user),
        ProbeFinding(
            "seccomp", filtered, calls if filtered else "not active: this kernel has no filters, so no app starts"
        ),
        ProbeFinding(
            "shared memory",
            filtered,
            "refused: memfd, System V, POSIX queues, shared anonymous maps; files in /dev/shm count as scratch space"
            if filtered
            else "not active: no filter refuses it",
        ),
        ProbeFinding(
            "own hard limits",
            lower is None,
            f"not active: {lower} is too low here, so no app starts; raise it (ulimit)"
            if lower
            else "at least what an app is given by default",
        ),
        ProbeFinding("core dumps off", not piped, "not active: they are piped" if piped else "at most 1 byte, no pipe"),
        ProbeFinding("scratch space", True, f"{SCRATCH_BYTES >> 20} MiB each of temporary and shared memory"),
        ProbeFinding("output, log, time", True, "an app's manifest says how much; more ends it"),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
