"""Run an app in its own namespaces and return how it ended. Every process of the app has ended by then."""

import os
import resource
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec

from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.sandbox import app_start
from sealgrid.enclave.sandbox.bubblewrap import AppRun, SandboxChannels, SandboxFolders, command
from sealgrid.enclave.sandbox.exit_cause import (
    NO_PROTECTION,
    AppEnded,
    AppExited,
    HostInducible,
    PlatformProtection,
    judge,
)
from sealgrid.enclave.sandbox.proc_files import meminfo, without_frequencies
from sealgrid.enclave.sandbox.seccomp import app_filter
from sealgrid.enclave.sandbox.supervisor import SandboxPipes, SandboxSupervisor

__all__ = ["AppEnded", "AppExited", "AppRun", "HostInducible", "SandboxFolders", "run"]

_EXIT_STATUS_SECONDS = 5.0
_CPUINFO = Path("/proc/cpuinfo")


def run(app: AppRun, protection: PlatformProtection = NO_PROTECTION) -> AppExited | AppEnded | HostInducible:
    """Run an app to its end; blocks for little longer than its wall-clock limit.

    ``protection`` is what the platform denies the host; it decides to whom the end is attributed (``exit_cause.py``).
    Where the machine's own hard limits are below the app's, nothing starts: the app could fail there and not elsewhere.
    Raises SetupMissing without bubblewrap.
    """
    if (lower := lower_limits(app.limits)) is not None:
        return HostInducible(f"this machine's hard limit {lower} is below the app's limit.")
    with ExitStack() as stack:
        process, ends = _start(app, stack)
        supervisor = SandboxSupervisor(app, ends)
        stack.callback(supervisor.close)
        try:
            supervisor.follow()
            # bubblewrap reports the exit code only after the namespace has ended.
            with suppress(subprocess.TimeoutExpired):
                process.wait(_EXIT_STATUS_SECONDS)
        finally:
            supervisor.kill()
            process.kill()
            process.wait()
        return judge(supervisor.end(), protection)


def lower_limits(limits: AppLimits) -> str | None:
    """Return the name of a hard limit of this process that is below that of an app with these limits, or None."""
    for kind, value in app_start.resource_limits(msgspec.to_builtins(limits)).items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY and hard < value:
            return next(
                name for name in dir(resource) if name.startswith("RLIMIT_") and getattr(resource, name) == kind
            )
    return None


def _start(app: AppRun, stack: ExitStack) -> tuple[subprocess.Popen[bytes], SandboxPipes]:
    (log, log_in), (status, status_in), (start_gate_in, start_gate), (report, report_in) = (
        os.pipe2(os.O_CLOEXEC) for _ in range(4)
    )
    for end in (log, status, start_gate, report):
        stack.callback(_close, end)
    channels = SandboxChannels(
        status=status_in,
        start_gate=start_gate_in,
        seccomp=_memory_file("seccomp", app_filter()),
        cpuinfo=_memory_file("cpuinfo", without_frequencies(_CPUINFO.read_bytes())),
        meminfo=_memory_file("meminfo", meminfo(app.limits.memory)),
        report=report_in,
    )
    parameters = _memory_file("parameters", app.start_parameters())
    try:
        process = subprocess.Popen(  # noqa: S603  no shell; all arguments are ours
            command(app.folders, channels),
            stdin=parameters,
            stdout=log_in,
            stderr=log_in,
            pass_fds=channels.all(),
            env={
                name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"
            },  # for bubblewrap itself
        )
    finally:
        for end in (log_in, parameters, *channels.all()):
            os.close(end)
    return process, SandboxPipes(log=log, status=status, start_gate=start_gate, report=report)


def _memory_file(name: str, content: bytes) -> int:
    file = os.memfd_create(name, os.MFD_CLOEXEC)
    with open(file, "wb", closefd=False) as writer:  # writes all of it; cpuinfo of a large machine is long
        writer.write(content)
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _close(end: int) -> None:
    with suppress(OSError):
        os.close(end)
