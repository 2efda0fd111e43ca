"""Attribute the end of an app to the app or possibly to the host (docs/protocol/bundle.md, "How it ends").

An end that the host could have caused is never settled. What a host can cause depends on the platform, so the end of a
run is judged by what the platform denies the host.
"""

from dataclasses import dataclass, field
from typing import Literal

from sealgrid.attestation.policy import Platform

Cause = Literal["exit", "signal", "use", "time", "start"]


@dataclass(frozen=True, slots=True)
class PlatformProtection:
    """What a platform denies the host of an enclave."""

    signals: bool  #: the host cannot inject exceptions, so a signal comes from inside
    memory: bool  #: the host cannot take back the memory that the guest was launched with
    clock: bool  #: the host cannot change the clock's rate, so the speed of the processors can be measured


NO_PROTECTION = PlatformProtection(signals=False, memory=False, clock=False)
_PROTECTIONS = {
    Platform.TDX: PlatformProtection(signals=True, memory=True, clock=True),
    # Simulates TDX; root on its machine can do all of this (SECURITY.md).
    Platform.SIMULATED: PlatformProtection(signals=True, memory=True, clock=True),
    # Until the launch measurement proves restricted or alternate injection and a secure TSC.
    Platform.SNP: PlatformProtection(signals=False, memory=True, clock=False),
    Platform.SGX: NO_PROTECTION,
}


def protection_of(platform: Platform) -> PlatformProtection:
    """Return what a platform denies the host."""
    return _PROTECTIONS[platform]


@dataclass(frozen=True, slots=True)
class SandboxExit:
    """How a sandbox ended, as the runtime observed it; not yet attributed."""

    cause: Cause
    reason: str  #: a sentence of the runtime; no data of the app
    code: int = -1  #: of an exit; of a signal, as a shell reports it: 128 + its number; -1 where unknown
    log: bytes = field(default=b"", repr=False)
    had_memory: bool = False  #: whether the guest had as much free memory at the start as the app's limits allow
    kernel_killed: bool = False  #: whether the out-of-memory killer ended a process; also true where unknown
    at_speed: bool = False  #: whether work probes measured at least half of the calibrated speed


@dataclass(frozen=True)
class AppExited:
    """The app ended by itself; a code other than 0 is its own failure and settled as such."""

    code: int
    log: bytes = field(repr=False)  #: standard output and error, truncated to the limit


@dataclass(frozen=True)
class AppEnded:
    """The app caused its end by a signal or a limit; settled as its failure."""

    reason: str  #: a sentence of the runtime
    code: int  #: 128 + the number of the signal; -1 where unknown
    log: bytes = field(repr=False)


@dataclass(frozen=True)
class HostInducible:
    """The host could have caused this end: never settled, and no byte of the log leaves the enclave."""

    reason: str


def judge(end: SandboxExit, protection: PlatformProtection) -> AppExited | AppEnded | HostInducible:
    """Return to whom the end of a run is attributed.

    (end.1) The app's own exit, with any code from 0 to 255, is the app's on every platform.
    (end.2) A signal is the app's where the host cannot inject exceptions, the guest had the memory of the app's limit,
            and the out-of-memory killer ended no process.
    (end.3) More memory, processes or output than its limit, as the runtime measured it, is the app's where the host
            cannot take memory back and the guest had as much as that limit.
    (end.4) A wall clock or CPU limit is the app's where the host cannot change the clock's rate and work probes at
            random moments measured at least half of the calibrated speed.
    The host could have caused everything else.
    """
    memory_intact = end.had_memory and not end.kernel_killed
    is_apps = {
        "exit": True,  # (end.1)
        "signal": protection.signals and protection.memory and memory_intact,  # (end.2)
        "use": protection.memory and end.had_memory,  # (end.3)
        "time": protection.clock and end.at_speed,  # (end.4)
        "start": False,
    }
    if not is_apps[end.cause]:
        return HostInducible(end.reason)
    if end.cause == "exit":
        return AppExited(end.code, end.log)
    return AppEnded(end.reason, end.code, end.log)
