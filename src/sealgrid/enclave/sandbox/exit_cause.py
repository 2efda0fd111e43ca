"""Whose doing the end of an app is: the app's own, or possibly the host's (docs/protocol/bundle.md, "How it ends").

What a host could have caused is never settled. What it can cause differs from platform to platform, so the end of a run
is judged by what the platform keeps from the host.
"""

from dataclasses import dataclass, field
from typing import Literal

from sealgrid.attestation.policy import Platform
from sealgrid.enclave.sandbox.app_run import AppEnded, AppExited, HostInducible

Cause = Literal["exit", "signal", "use", "time", "start"]


@dataclass(frozen=True, slots=True)
class PlatformProtection:
    """What a platform keeps from the host of an enclave."""

    signals: bool  #: the host injects no exception, so that a signal comes from inside
    memory: bool  #: the memory that the guest was launched with stays its own
    clock: bool  #: the guest's clock runs at one rate, so that the speed of its processors can be measured


NO_SHIELD = PlatformProtection(signals=False, memory=False, clock=False)
_SHIELDS = {
    Platform.TDX: PlatformProtection(signals=True, memory=True, clock=True),
    # Stands for TDX; whoever is root on its machine can do all of it (SECURITY.md).
    Platform.SIMULATED: PlatformProtection(signals=True, memory=True, clock=True),
    # Until a launch measurement shows restricted or alternate injection and a secure TSC.
    Platform.SNP: PlatformProtection(signals=False, memory=True, clock=False),
    Platform.SGX: NO_SHIELD,
}


def shield_of(platform: Platform) -> PlatformProtection:
    """Return what a platform keeps from the host."""
    return _SHIELDS[platform]


@dataclass(frozen=True, slots=True)
class SandboxExit:
    """How a sandbox ended, as the runtime saw it; not yet judged."""

    cause: Cause
    reason: str  #: a sentence of ours; nothing of the app's
    code: int = -1  #: as the shell counts: 128 and the number of the signal; -1 where it was never known
    log: bytes = field(default=b"", repr=False)
    had_memory: bool = False  #: before the start the guest had as much memory as the app's limits allow it
    kernel_killed: bool = False  #: the kernel ended a process for want of memory, or nobody can tell
    at_speed: bool = False  #: work probes showed the processors at half their calibrated speed or more


def judge(end: SandboxExit, shield: PlatformProtection) -> AppExited | AppEnded | HostInducible:
    """Return how a run counts.

    (end.1) The app's own exit, with a code below 128, is the app's on every platform.
    (end.2) A signal, or a code of 128 and more, is the app's where the host injects no exception, the guest had the
            memory of the app's limit, and the kernel ended no process for want of memory.
    (end.3) More memory, processes or output than its limit, as the runtime measured it, is the app's where the guest
            keeps its memory and had as much as that limit.
    (end.4) A wall clock or CPU limit is the app's where the guest's clock is its own and work probes at random moments
            showed the processors at half their calibrated speed or more.
    Everything else could be the host's.
    """
    whole = end.had_memory and not end.kernel_killed
    theirs = {
        "exit": True,  # (end.1)
        "signal": shield.signals and shield.memory and whole,  # (end.2)
        "use": shield.memory and end.had_memory,  # (end.3)
        "time": shield.clock and end.at_speed,  # (end.4)
        "start": False,
    }
    if not theirs[end.cause]:
        return HostInducible(end.reason)
    if end.cause == "exit":
        return AppExited(end.code, end.log)
    return AppEnded(end.reason, end.code, end.log)
