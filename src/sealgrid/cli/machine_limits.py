"""Limits of an app's sandbox on this machine: which are active, and what replaces those that are not."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sealgrid.platform.machine_probe import ProbeFinding

_ACTIONS, _CORE_PATTERN = Path("/proc/sys/kernel/seccomp/actions_avail"), Path("/proc/sys/kernel/core_pattern")
_WITHOUT_CGROUP = {
    "memory": "not active: the runtime checks 20 times a second and ends an app above its limit",
    "pids": "not active: the runtime checks 20 times a second; a fork bomb may be faster",
}


def sandbox_limits() -> "tuple[ProbeFinding, ...]":
    """Return every limit, measured where possible."""
    from sealgrid.bundle.manifest import AppLimits
    from sealgrid.enclave.sandbox.sandbox import lower_limits
    from sealgrid.platform.cgroups import Cgroups

    return assess_limits(
        active=Cgroups().active,
        user=os.geteuid(),
        actions=_read(_ACTIONS),
        pattern=_read(_CORE_PATTERN),
        max_core_bytes=resource.getrlimit(resource.RLIMIT_CORE)[1],
        lower=lower_limits(AppLimits()),
    )


def assess_limits(
    *, active: Mapping[str, int], user: int, actions: str, pattern: str, max_core_bytes: int, lower: str | None = None
) -> "tuple[ProbeFinding, ...]":
    """Assess the ``active`` control groups, the user id, the kernel's seccomp actions and its core pattern.

    ``lower`` names a hard limit of this process that is below the default of an app's manifest.
    """
    from sealgrid.enclave.sandbox.bubblewrap import SCRATCH_BYTES
    from sealgrid.enclave.sandbox.seccomp import refused_calls
    from sealgrid.platform.machine_probe import ProbeFinding

    groups = [
        ProbeFinding(
            f"{name} cgroup", name in active, f"version {active[name]}" if name in active else _WITHOUT_CGROUP[name]
        )
        for name in _WITHOUT_CGROUP
    ]
    as_user = (
        "an app runs as user nobody; outside the sandbox that is this user"
        if user
        else "not active: run the worker as its own user"
    )
    filtered = {"errno", "kill_process"} <= set(actions.split())
    calls = f"{len(refused_calls(os.uname().machine))} calls refused, new namespaces and other sockets too"
    # A pipe receives core dumps unless the limit is exactly 1 byte (core(5)).
    piped = pattern.startswith("|") and max_core_bytes == 0
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
            f"not active: {lower} is too low, so no app starts; raise it (ulimit)"
            if lower
            else "at least the defaults of an app",
        ),
        ProbeFinding("core dumps off", not piped, "not active: they are piped" if piped else "at most 1 byte, no pipe"),
        ProbeFinding("scratch space", True, f"{SCRATCH_BYTES >> 20} MiB each of temporary and shared memory"),
        ProbeFinding("output, log, time", True, "set by the app's manifest; more ends the app"),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
