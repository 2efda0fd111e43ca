"""Follow one sandbox until its namespace is dead: keep its log, hold it to its limits, say how it ended."""

import json
import os
import selectors
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

from sealgrid.enclave.sandbox.app_run import AppRun
from sealgrid.enclave.sandbox.bubblewrap import SCRATCH_BYTES
from sealgrid.enclave.sandbox.exit_cause import Cause, SandboxExit
from sealgrid.enclave.sandbox.resource_monitor import (
    available_memory,
    bytes_below,
    bytes_used,
    kernel_kills,
    usage_below,
)
from sealgrid.enclave.sandbox.work_probe import MEAN_PAUSE_SECONDS, SpeedMeter

_LOOK_SECONDS = 0.05
_START_SECONDS = 30.0
_OUTPUT_SLACK = 1 << 20  #: names and half pages; the exact limit is held when the output is read
_SIGNALLED = 128  #: bubblewrap gives 128 + the signal that killed the app
_CPU_LIMIT = {_SIGNALLED + signal.SIGXCPU, _SIGNALLED + signal.SIGKILL}  #: by which the kernel ends it at its CPU limit


@dataclass(frozen=True)
class SandboxPipes:
    """Our ends of the channels to a sandbox."""

    log: int
    status: int
    hold: int
    started: int


class SandboxSupervisor:
    """Watch over one sandbox."""

    def __init__(self, app: AppRun, ends: SandboxPipes) -> None:
        self._app, self._ends = app, ends
        self._used_before = bytes_used(app.folders.outputs)
        self._log, self._status = bytearray(), bytearray()
        self._started = False
        self._killed_for: tuple[Cause, str] | None = None
        wanted = app.limits.memory + app.limits.output_bytes + 2 * SCRATCH_BYTES
        self._had_memory = available_memory() >= wanted
        self._kills_before = kernel_kills()
        self._speed = SpeedMeter(mean_pause=min(MEAN_PAUSE_SECONDS, app.limits.wall_seconds / 10))
        self._init: int | None = None  #: pidfd of the namespace's first process
        self._init_pid = 0
        self._dead = False
        self._began = time.monotonic()
        self._next_look = self._began
        self._selector = selectors.DefaultSelector()
        for end, handler in (
            (ends.log, self._on_log),
            (ends.status, self._on_status),
            (ends.started, self._on_started),
        ):
            os.set_blocking(end, False)
            self._selector.register(end, selectors.EVENT_READ, handler)

    def follow(self) -> None:
        """Return once every process of the namespace is dead, or none was ever born."""
        while not self._dead:
            for key, _ in self._selector.select(_LOOK_SECONDS):
                key.data(key.fd)
            if time.monotonic() >= self._next_look:
                self._look()
                self._next_look = time.monotonic() + _LOOK_SECONDS
        self._on_log(self._ends.log)

    def kill(self) -> None:
        """Kill the namespace; the kernel ends every process in it."""
        if self._init is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)

    def close(self) -> None:
        """Give back what following took."""
        self._selector.close()
        if self._init is not None:
            os.close(self._init)

    def end(self) -> SandboxExit:
        """Return how the run ended."""
        self._on_status(self._ends.status)
        code = self._said("exit-code")
        cause, reason = self._killed_for or self._by_itself(code)
        return SandboxExit(
            cause=cause,
            reason=reason,
            code=-1 if code is None else code,
            log=bytes(self._log),
            had_memory=self._had_memory,
            kernel_killed=self._kernel_killed(),
            at_speed=self._speed.at_speed(),
        )

    def _kernel_killed(self) -> bool:
        return self._kills_before is None or kernel_kills() != self._kills_before

    def _by_itself(self, code: int | None) -> tuple[Cause, str]:
        if not self._started:
            return "start", "the sandbox did not start."
        if code is not None and code < _SIGNALLED:
            return "exit", "the app ended by itself."
        # No earlier can the kernel have ended it for its CPU limit; whoever kills itself later is judged alike.
        most_used = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        if code in _CPU_LIMIT and most_used >= self._app.limits.cpu_seconds:
            return "time", "the app was ended by a signal, as its processor time limit does."
        return "signal", "the app was ended by a signal."

    def _on_log(self, end: int) -> None:
        while piece := self._read(end):
            self._log += piece[: self._app.log_bytes - len(self._log)]
            if self._late():
                return  # an app may write faster than we read

    def _on_started(self, end: int) -> None:
        self._started |= bool(self._read(end))

    def _on_status(self, end: int) -> None:
        while piece := self._read(end):
            self._status += piece
        pid = self._said("child-pid")
        if pid is not None and self._init is None:
            self._hold_on_to(pid)

    def _hold_on_to(self, pid: int) -> None:
        # The app has not begun and its first process waits for us, so the number cannot have been given away.
        self._init, self._init_pid = os.pidfd_open(pid), pid
        self._selector.register(self._init, selectors.EVENT_READ, self._on_death)
        self._began = time.monotonic()
        os.write(self._ends.hold, b"1")

    def _on_death(self, _: int) -> None:
        # The first process of a namespace ends only after the kernel has ended and reaped all others in it.
        self._dead = True

    def _read(self, end: int) -> bytes:
        try:
            piece = os.read(end, 1 << 16)
        except BlockingIOError:
            return b""
        if not piece and end in self._selector.get_map():
            self._selector.unregister(end)
            if end == self._ends.status and self._init is None:
                self._dead = True  # bubblewrap ended before it made a namespace
        return piece

    def _said(self, name: str) -> int | None:
        documents = (json.loads(line) for line in bytes(self._status).splitlines() if line.endswith(b"}"))
        return next((document[name] for document in documents if name in document), None)

    def _late(self) -> bool:
        return time.monotonic() >= self._next_look

    def _look(self) -> None:
        self._speed.look()
        broken = self._limit_broken()
        if broken is not None and self._killed_for is None:
            self._killed_for = broken
            if self._init is None:
                self._dead = True
            self.kill()

    def _limit_broken(self) -> tuple[Cause, str] | None:
        lasted = time.monotonic() - self._began
        if not self._started and lasted > _START_SECONDS:
            return "start", "the sandbox did not start in time."
        if lasted > self._app.limits.wall_seconds:
            return "time", "the app did not end in its time."
        broken = self._use_broken() if self._init is not None else None
        return None if broken is None else ("use", broken)

    def _use_broken(self) -> str | None:
        limits = self._app.limits
        most = limits.processes + 1  # the namespace's first process is not the app's
        try:
            usage = usage_below(self._init_pid, most, started=self._started)
        except PermissionError:
            return "the app hides what it uses."
        if usage.memory > limits.memory:
            return "the app's processes took more memory than its limit."
        if usage.processes > most:
            return "the app started more processes than its limit."
        if self._written() > limits.output_bytes + _OUTPUT_SLACK:
            return "the app wrote more than its limit."
        return None

    def _written(self) -> int:
        outputs = self._app.folders.outputs
        # A file that was removed while it is open, or mapped, has no name to be found by and takes memory all the same.
        nameless = bytes_used(outputs) - self._used_before if self._app.outputs_alone else 0
        return max(bytes_below(outputs), nameless)
