"""Supervisor of a local network: starts every part, restarts those that fail, and stops all when it ends."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sealgrid.errors import InputRefused, SealgridError, ServiceUnavailable
from sealgrid.localnet.layout import CHAIN, SHOP, Layout, NetworkOptions
from sealgrid.localnet.log_rotation import rotate
from sealgrid.localnet.processes import STOP_SIGNALS, ChildProcess, fork, stop
from sealgrid.storage.atomic_file import write_file

POLL_SECONDS = 0.2
RESTART_SECONDS = 30.0  #: within which a restarted part must be ready
MAX_RESTARTS, RESTART_WINDOW_SECONDS = 3, 60.0  #: more restarts in this time stop the network
#: Between two restarts of a part: what it needs at its start may be down, and comes back meanwhile.
RESTART_PAUSES = (0.0, 0.5, 3.0)

OnProgress = Callable[[str], None]
OnShop = Callable[[str], None]  #: called once the shop is filled, or with the reason why it is empty


class _ShutdownRequested(Exception):
    """A signal requested the shutdown."""


def supervise(
    layout: Layout,
    options: NetworkOptions,
    *,
    on_ready: Callable[[], None],
    on_progress: OnProgress = lambda line: None,
    on_shop: OnShop = lambda error: None,
) -> None:
    """Run a network until a signal stops it. A part that exits is restarted with its data.

    ``on_ready`` is called when a first app ran in the sandbox and every part answers; ``on_shop`` only for a network
    whose options ask for goods. Raises ServiceUnavailable if a part does not start, if the chain exits, or another part
    repeatedly.
    """
    from sealgrid.localnet.start import start  # noqa: PLC0415  `status` and `down` need no part of the network

    children: list[ChildProcess] = []
    with _locked(layout), _signals():
        try:
            layout.start_error.unlink(missing_ok=True)
            start(layout, options, children, on_progress)
            on_ready()
            if options.stocked and all(child.name != SHOP for child in children):
                on_shop("")  # filled at an earlier start
            _watch(children, layout, on_progress, on_shop)
        except _ShutdownRequested:
            pass
        except SealgridError as error:
            write_file(layout.start_error, str(error).encode(errors="replace"))
            raise
        finally:
            layout.network.unlink(missing_ok=True)
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
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
    """Stop a running network and wait for its end; return False if none runs."""
    pid = running(layout)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError as error:
        raise InputRefused(f"the network (process {pid}) belongs to another user, who can stop it.") from error
    except ProcessLookupError:
        pass  # it ended meanwhile
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
    def request_shutdown(_number: int, _frame: object) -> None:
        raise _ShutdownRequested

    before = {number: signal.signal(number, request_shutdown) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(children: list[ChildProcess], layout: Layout, on_progress: OnProgress, on_shop: OnShop) -> None:
    restarts = dict[str, list[float]]()
    while True:
        if (shop := next((child for child in children if child.name == SHOP), None)) and not shop.is_alive():
            children.remove(shop)
            on_shop("" if shop.exit_code == 0 else _shop_error(layout, shop))
        for index, child in enumerate(children):
            if child.has_failed():
                now = time.monotonic()
                recent = [at for at in restarts.get(child.name, []) if at > now - RESTART_WINDOW_SECONDS]
                if child.name == CHAIN or len(recent) >= MAX_RESTARTS:
                    raise ServiceUnavailable(f"{child.name} ended by itself: {child.log_tail()}")
                if recent and now < recent[-1] + RESTART_PAUSES[len(recent)]:
                    continue
                restarts[child.name] = [*recent, now]
                on_progress(f"{child.name} again, since it ended by itself (its log: {child.log})")
                children[index] = fork(child.name, child.log, child.body, ends=child.ends)
                with suppress(ServiceUnavailable):  # the next round restarts a part that exits at once
                    children[index].wait_ready(RESTART_SECONDS)
        rotate(layout.logs)
        time.sleep(POLL_SECONDS)


def _shop_error(layout: Layout, shop: ChildProcess) -> str:
    """Return why the shop is empty; a failure without an error of ours is recorded for `status` here."""
    if not layout.shop_error.exists():
        write_file(layout.shop_error, f"its process ended; see {shop.log}".encode(errors="replace"))
    return layout.shop_error.read_text(errors="replace")
