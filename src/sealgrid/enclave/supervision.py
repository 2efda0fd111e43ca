"""Follow one sandbox until its namespace is dead: keep its log, hold it to its limits, judge its end."""

import json
import os
import selectors
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

from sealgrid.enclave.app_run import AppRun, Exited, HostInducible
from sealgrid.enclave.watch import bytes_below, bytes_used, usage_below

_LOOK_SECONDS = 0.05
_START_SECONDS = 30.0
_OUTPUT_SLACK = 1 << 20  #: names and half pages; the exact limit is held when the output is read
_SIGNALLED = 128  #: bubblewrap gives 128 + the signal that killed the app


@dataclass(frozen=True)
class Ends:
    """Our ends of the channels to a sandbox."""

    log: int
    status: int
    hold: int
    started: int


class Supervisor:
    """Watch over one sandbox."""

    def __init__(self, app: AppRun, ends: Ends) -> None:
        self._app, self._ends = app, ends
        self._used_before = bytes_used(app.folders.outputs)
        self._log, self._status = bytearray(), bytearray()
        self._started = False
        self._killed_for: str | None = None
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

    def outcome(self) -> Exited | HostInducible:
        """Judge the end."""
        self._on_status(self._ends.status)
        if self._killed_for is not None:
            return HostInducible(self._killed_for)
        if not self._started:
            return HostInducible("the sandbox did not start.")
        code = self._said("exit-code")
        if code is None or code >= _SIGNALLED:
            return HostInducible("the app was ended by a signal.")
        return Exited(code=code, log=bytes(self._log))

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
        reason = self._limit_broken()
        if reason is not None and self._killed_for is None:
            self._killed_for = reason
            if self._init is None:
                self._dead = True
            self.kill()

    def _limit_broken(self) -> str | None:
        lasted = time.monotonic() - self._began
        if not self._started and lasted > _START_SECONDS:
            return "the sandbox did not start in time."
        if lasted > self._app.limits.wall_seconds:
            return "the app did not end in its time."
        return self._use_broken() if self._init is not None else None

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
