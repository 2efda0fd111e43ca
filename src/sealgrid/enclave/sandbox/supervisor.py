"""Supervise one sandbox until its namespace ends: collect its log, enforce its limits, report how it ended."""

import json
import os
import selectors
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

from sealgrid.enclave.sandbox.bubblewrap import SCRATCH_BYTES, AppRun
from sealgrid.enclave.sandbox.exit_cause import Cause, SandboxExit
from sealgrid.enclave.sandbox.resource_monitor import (
    available_memory,
    bytes_below,
    bytes_used,
    kernel_kills,
    usage_below,
)
from sealgrid.enclave.sandbox.work_probe import MEAN_PAUSE_SECONDS, SpeedMeter

_CHECK_SECONDS = 0.05
_START_SECONDS = 30.0
_OWN_PROCESSES = 2  #: bubblewrap, which is the namespace's first process, and ``app_start.py``
_OUTPUT_SLACK = 1 << 20  #: names and half pages; the exact limit is enforced when the output is read
_MAX_FAULT = 300  #: characters of the log's last line, where the app did not start
_SIGNALLED = 128  #: ``app_start.py`` exits with 128 + the signal that ended the app
_CPU_LIMIT = {_SIGNALLED + signal.SIGXCPU, _SIGNALLED + signal.SIGKILL}  #: signals of the kernel at the CPU limit


@dataclass(frozen=True)
class SandboxPipes:
    """The supervisor's ends of the channels to a sandbox."""

    log: int
    status: int
    start_gate: int
    report: int


class SandboxSupervisor:
    """Supervises one sandbox."""

    def __init__(self, app: AppRun, ends: SandboxPipes) -> None:
        self._app, self._ends = app, ends
        self._used_before = bytes_used(app.folders.outputs)
        self._log, self._status, self._report = bytearray(), bytearray(), bytearray()
        self._killed_for: tuple[Cause, str] | None = None
        needed = app.limits.memory + app.limits.output_bytes + 2 * SCRATCH_BYTES
        self._had_memory = available_memory() >= needed
        self._kills_before = kernel_kills()
        self._speed = SpeedMeter(mean_pause=min(MEAN_PAUSE_SECONDS, app.limits.wall_seconds / 10))
        self._init: int | None = None  #: pidfd of the namespace's first process
        self._init_pid = 0
        self._ended = False
        self._began = time.monotonic()
        self._next_check = self._began
        self._selector = selectors.DefaultSelector()
        for end, handler in (
            (ends.log, self._on_log),
            (ends.status, self._on_status),
            (ends.report, self._on_report),
        ):
            os.set_blocking(end, False)
            self._selector.register(end, selectors.EVENT_READ, handler)

    def follow(self) -> None:
        """Block until every process of the namespace has ended, or none was started."""
        while not self._ended:
            for key, _ in self._selector.select(_CHECK_SECONDS):
                key.data(key.fd)
            if time.monotonic() >= self._next_check:
                self._speed.sample()
                breach = self._breach()
                if breach is not None and self._killed_for is None:
                    self._killed_for = breach
                    self._ended |= self._init is None
                    self.kill()
                self._next_check = time.monotonic() + _CHECK_SECONDS
        self._on_log(self._ends.log)

    def kill(self) -> None:
        """Kill the namespace; the kernel ends every process in it."""
        if self._init is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)

    def close(self) -> None:
        """Release the file descriptors."""
        self._selector.close()
        if self._init is not None:
            os.close(self._init)

    def end(self) -> SandboxExit:
        """Return how the run ended."""
        self._on_status(self._ends.status)
        self._on_report(self._ends.report)
        code = self._status_field("exit-code")
        cause, reason = self._killed_for or self._unforced_end(code)
        return SandboxExit(
            cause=cause,
            reason=reason,
            code=-1 if code is None else code,
            log=bytes(self._log),
            had_memory=self._had_memory,
            kernel_killed=self._kills_before is None or kernel_kills() != self._kills_before,
            at_speed=self._speed.at_speed(),
        )

    @property
    def _started(self) -> bool:
        # Without this byte, a number is the exit code of a child that failed before it ran the app (app_start.py).
        return self._report.startswith(b"\n")

    def _unforced_end(self, code: int | None) -> tuple[Cause, str]:
        if not self._started:
            return "start", f"the sandbox did not start{self._start_fault()}"
        if code is not None and bytes(self._report) == b"\n%d" % code:
            return "exit", "the app ended by itself."
        # Before this much time the CPU limit cannot be the cause. An app that kills itself later is judged alike.
        most_used = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        if code in _CPU_LIMIT and most_used >= self._app.limits.cpu_seconds:
            return "time", "the app was ended by the signal of its processor time limit."
        return "signal", "the app was ended by a signal."

    def _start_fault(self) -> str:
        """Return the last line of the log. Before the app starts, only bubblewrap and ``app_start.py`` write to it."""
        lines = bytes(self._log).decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:_MAX_FAULT]}" if lines else "."

    def _on_log(self, end: int) -> None:
        while piece := self._read(end):
            self._log += piece[: self._app.log_bytes - len(self._log)]
            if time.monotonic() >= self._next_check:
                return  # an app may write faster than this reads

    def _on_report(self, end: int) -> None:
        self._report += self._read(end)

    def _on_status(self, end: int) -> None:
        while piece := self._read(end):
            self._status += piece
        pid = self._status_field("child-pid")
        if pid is not None and self._init is None:
            # The first process still waits for the start gate, so its pid cannot have been reused.
            self._init, self._init_pid = os.pidfd_open(pid), pid
            self._selector.register(self._init, selectors.EVENT_READ, self._on_death)
            self._began = time.monotonic()
            os.write(self._ends.start_gate, b"1")

    def _on_death(self, _: int) -> None:
        # The kernel ends and reaps all other processes of a namespace before its first process.
        self._ended = True

    def _read(self, end: int) -> bytes:
        try:
            piece = os.read(end, 1 << 16)
        except BlockingIOError:
            return b""
        if not piece and end in self._selector.get_map():
            self._selector.unregister(end)
            if end == self._ends.status and self._init is None:
                self._ended = True  # bubblewrap ended before it made a namespace
        return piece

    def _status_field(self, name: str) -> int | None:
        documents = (json.loads(line) for line in bytes(self._status).splitlines() if line.endswith(b"}"))
        return next((document[name] for document in documents if name in document), None)

    def _breach(self) -> tuple[Cause, str] | None:
        elapsed = time.monotonic() - self._began
        if not self._started and elapsed > _START_SECONDS:
            return "start", "the sandbox did not start in time."
        if elapsed > self._app.limits.wall_seconds:
            return "time", "the app did not end within its time limit."
        breach = self._usage_breach() if self._init is not None else None
        return None if breach is None else ("use", breach)

    def _usage_breach(self) -> str | None:
        limits, outputs = self._app.limits, self._app.folders.outputs
        max_processes = limits.processes + _OWN_PROCESSES
        try:
            usage = usage_below(self._init_pid, max_processes, started=self._started)
        except PermissionError:
            return "the app hides its resource usage."
        if usage.memory > limits.memory:
            return "the app's processes used more memory than its limit."
        if usage.processes > max_processes:
            return "the app started more processes than its limit."
        # A deleted file that is open or mapped has no name and still uses memory.
        grown = bytes_used(outputs) - self._used_before if self._app.outputs_alone else 0
        if max(bytes_below(outputs), grown) > limits.output_bytes + _OUTPUT_SLACK:
            return "the app wrote more than its limit."
        return None
