"""Run an app in its own namespaces and say how it ended; when this returns, every process of the app is dead."""

import os
import resource
import subprocess
from contextlib import ExitStack, suppress

import msgspec

from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.sandbox import app_start
from sealgrid.enclave.sandbox.app_run import AppEnded, AppExited, AppRun, HostInducible
from sealgrid.enclave.sandbox.bubblewrap import SandboxChannels, SandboxFolders, command
from sealgrid.enclave.sandbox.exit_cause import NO_SHIELD, PlatformProtection, judge
from sealgrid.enclave.sandbox.seccomp import app_filter
from sealgrid.enclave.sandbox.supervisor import SandboxPipes, SandboxSupervisor

__all__ = ["AppEnded", "AppExited", "AppRun", "HostInducible", "SandboxFolders", "run"]

_LAST_WORD_SECONDS = 5.0


def run(app: AppRun, shield: PlatformProtection = NO_SHIELD) -> AppExited | AppEnded | HostInducible:
    """Run an app to its end; blocks for at most its wall-clock limit and a moment.

    ``shield`` is what the platform keeps from the host: it decides whose doing an end is (``verdict.py``). A machine
    whose own hard limits are below the app's starts nothing: an app could fail there that does not elsewhere.
    Raises SetupMissing without bubblewrap.
    """
    if (lower := lower_limits(app.limits)) is not None:
        return HostInducible(f"this machine's hard limit {lower} is below what the app is given.")
    with ExitStack() as stack:
        process, ends = _start(app, stack)
        watcher = SandboxSupervisor(app, ends)
        stack.callback(watcher.close)
        try:
            watcher.follow()
            # bubblewrap tells the exit code only after the namespace is dead.
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LAST_WORD_SECONDS)
        finally:
            watcher.kill()
            process.kill()
            process.wait()
        return judge(watcher.end(), shield)


def lower_limits(limits: AppLimits) -> str | None:
    """Return the name of a hard limit of this process that is below what an app with these limits is given, or None."""
    for kind, value in app_start.wanted(msgspec.to_builtins(limits)).items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY and hard < value:
            return next(
                name for name in dir(resource) if name.startswith("RLIMIT_") and getattr(resource, name) == kind
            )
    return None


def _start(app: AppRun, stack: ExitStack) -> tuple[subprocess.Popen[bytes], SandboxPipes]:
    (log, log_in), (status, status_in), (hold_out, hold), (started, started_in) = (
        os.pipe2(os.O_CLOEXEC) for _ in range(4)
    )
    for end in (log, status, hold, started):
        stack.callback(_close, end)
    given = SandboxChannels(status=status_in, hold=hold_out, seccomp=_in_memory(app_filter()), started=started_in)
    order = _in_memory(app.order())
    try:
        process = subprocess.Popen(  # noqa: S603  no shell; every word is ours
            command(app.folders, given),
            stdin=order,
            stdout=log_in,
            stderr=log_in,
            pass_fds=given.all(),
            env=_own_libraries(),
        )
    finally:
        for end in (log_in, order, *given.all()):
            os.close(end)
    return process, SandboxPipes(log=log, status=status, hold=hold, started=started)


def _in_memory(content: bytes) -> int:
    file = os.memfd_create("order", os.MFD_CLOEXEC)
    os.write(file, content)
    os.lseek(file, 0, os.SEEK_SET)
    return file


def _close(end: int) -> None:
    with suppress(OSError):
        os.close(end)


def _own_libraries() -> dict[str, str]:
    # bubblewrap itself needs the folder of measured libraries; nothing else of our environment goes on.
    return {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
