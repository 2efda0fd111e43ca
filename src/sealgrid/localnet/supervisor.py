"""Hold a local network together: start every part, watch them, and end them all, however this process ends."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.localnet.layout import CHAIN, Layout
from sealgrid.localnet.log_rotation import rotate
from sealgrid.localnet.processes import ChildProcess, fork, stop

POLL_SECONDS = 0.2
AGAIN_SECONDS = 30.0  #: in which a part must be ready that is started again
MOST_ENDS, LATELY_SECONDS = 3, 60.0  #: so many ends in so long are a fault that starting again does not cure

Told = Callable[[str], None]


class _ShutdownRequested(Exception):
    """A signal asked for the end."""


def supervise(
    layout: Layout,
    *,
    port: int,
    ready: Callable[[], None],
    told: Told = lambda line: None,
    stocked: bool = False,
    gate: bool = False,
    storages: int = 1,
) -> None:
    """Run a network until a signal ends it; a part that dies by itself is started again, where its data still are.

    ``stocked`` puts the shipped apps and a model up for sale, in the background; ``gate`` lets a PoolGate judge.
    With two ``storages`` every file is kept at both.
    Raises ServiceUnavailable when the chain dies, or another part again and again.
    """
    from sealgrid.localnet.start import start  # noqa: PLC0415  whoever only asks or ends needs no part of the network

    children: list[ChildProcess] = []
    with _locked(layout), _signals():
        try:
            start(layout, children, port=port, told=told, stocked=stocked, gate=gate, storages=storages)
            ready()
            _watch(children, layout, told)
        except _ShutdownRequested:
            pass
        finally:
            layout.network.unlink(missing_ok=True)
            _ignore_signals()
            stop(children)


def running(layout: Layout) -> int | None:
    """Return the process id of the network's supervisor, or None when the network does not run."""
    try:
        with layout.lock.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return int(layout.lock.read_text() or "0") or None


def end(layout: Layout, seconds: float = 20.0) -> bool:
    """Ask a running network to end and wait for it; return False when none runs."""
    pid = running(layout)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while running(layout) is not None:
        if time.monotonic() > deadline:
            raise ServiceUnavailable(f"the network (process {pid}) did not end within {seconds:.0f} s.")
        time.sleep(0.05)
    return True


@contextmanager
def _locked(layout: Layout) -> Iterator[None]:
    layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with layout.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputRefused("a local network is running in this folder already; see: sealgrid status") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def _signals() -> Iterator[None]:
    def ask_to_end(_number: int, _frame: object) -> None:
        raise _ShutdownRequested

    before = {number: signal.signal(number, ask_to_end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _watch(children: list[ChildProcess], layout: Layout, told: Told) -> None:
    ends = dict[str, list[float]]()
    while True:
        for place, child in enumerate(children):
            if child.lost():
                now = time.monotonic()
                lately = [at for at in ends.get(child.name, []) if at > now - LATELY_SECONDS]
                ends[child.name] = [*lately, now]
                if child.name == CHAIN or len(lately) >= MOST_ENDS:
                    raise ServiceUnavailable(f"{child.name} ended by itself: {child.log_tail()}")
                told(f"{child.name} again, since it ended by itself (its log: {child.log})")
                children[place] = fork(child.name, child.log, child.body, ends=child.ends)
                with suppress(ServiceUnavailable):  # one that ended at once again is met at the next look
                    children[place].wait_ready(AGAIN_SECONDS)
        rotate(layout.logs)
        time.sleep(POLL_SECONDS)
