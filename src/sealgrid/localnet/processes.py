"""Child processes that report readiness, write a log each, and exit with their parent."""

import ctypes
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sealgrid.errors import SealgridError, ServiceUnavailable
from sealgrid.sdk.stores.file_errors import file_error
from sealgrid.wire.service_log import configure_logging

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  #: prctl(2)
_LOG_TAIL = 400
_READY, _ERROR = b"1", b"!"  #: first byte of a part's message to its parent
_MAX_ERROR_BYTES = 4096  #: a pipe takes that much at once (PIPE_BUF)
STOP_SECONDS = 8.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

OnReady = Callable[[], None]
Body = Callable[[OnReady], None]


def die_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM to this process when its parent exits; exit at once if it has."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(0)


def redirect_output(log: Path) -> None:
    """Append standard output and error of this process to a private file; standard input is empty."""
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    os.close(null)


@dataclass(slots=True)
class ChildProcess:
    """A process that was forked from this one."""

    name: str
    pid: int
    ready_fd: int
    log: Path
    body: Body
    ends: bool = False  #: exit code 0 is no failure
    exit_code: int | None = None

    def is_alive(self) -> bool:
        """Return whether it runs; reap it if not."""
        if self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code is None

    def has_failed(self) -> bool:
        """Return whether it exited and should not have."""
        return not self.is_alive() and not (self.ends and self.exit_code == 0)

    def wait_ready(self, seconds: float) -> None:
        """Wait until it is ready; raise ServiceUnavailable with the end of its log otherwise."""
        readable, _, _ = select.select([self.ready_fd], [], [], seconds)
        signalled = os.read(self.ready_fd, _MAX_ERROR_BYTES) if readable else b""
        os.close(self.ready_fd)
        if signalled.startswith(_ERROR):
            raise ServiceUnavailable(f"{self.name} did not start: {signalled[1:].decode(errors='replace')}")
        if signalled != _READY:
            why = "ended" if readable else f"was not ready within {seconds:.0f} s"
            raise ServiceUnavailable(f"{self.name} {why}; the end of its log ({self.log}): {self.log_tail()}")

    def log_tail(self) -> str:
        """Return the end of its log."""
        written = self.log.read_text(errors="replace") if self.log.exists() else ""
        return written[-_LOG_TAIL:].strip() or "(empty)"


def fork(name: str, log: Path, body: Body, *, ends: bool = False) -> ChildProcess:
    """Run ``body`` in a new process; ``body`` calls its argument when it is ready."""
    reading, writing = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal that comes before the child has its own handlers must not run those of its parent in it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writing)
        return ChildProcess(name, pid, reading, log, body, ends)
    os.close(reading)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the supervisor handles it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    die_with_parent(parent)
    redirect_output(log)
    ctypes.CDLL(None).prctl(_PR_SET_NAME, f"sg-{name}".encode()[:15], 0, 0, 0)
    code, start = 0, _StartSignal(writing)
    try:
        configure_logging()
        body(start.ready)
    except SealgridError as error:
        sys.stderr.write(f"{error}\n")
        start.failed(str(error))
        code = 1
    except BaseException as error:  # noqa: BLE001  the last frame of this process
        traceback.print_exc()
        if isinstance(error, OSError) and (known := file_error(error)) is not None:
            start.failed(str(known))
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def stop(children: list[ChildProcess]) -> None:
    """Stop children, the last started first, and reap them; kill those that do not exit in time."""
    for child in reversed(children):
        if child.is_alive():
            os.kill(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while any(child.is_alive() for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    for child in children:
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)


class _StartSignal:
    """Reports to the parent process once: that a part is ready, or why it cannot start."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    def ready(self) -> None:
        """Report that the part is ready."""
        self._send(_READY)

    def failed(self, reason: str) -> None:
        """Report why it cannot start; nothing after ``ready``."""
        self._send(_ERROR + reason.encode(errors="replace")[: _MAX_ERROR_BYTES - 1])

    def _send(self, message: bytes) -> None:
        if self._fd is not None:
            with suppress(BrokenPipeError):  # the parent waited no longer
                os.write(self._fd, message)
            os.close(self._fd)
            self._fd = None
