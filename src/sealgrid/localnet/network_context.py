"""A local network as a context manager or in the background."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sealgrid.errors import SealgridError, ServiceUnavailable
from sealgrid.localnet.layout import SHOP, Layout, NetworkOptions
from sealgrid.localnet.processes import die_with_parent, redirect_output
from sealgrid.localnet.supervisor import OnProgress, end, running, supervise
from sealgrid.sdk.network import Network, load_network
from sealgrid.sdk.stores.file_errors import file_error


@contextmanager
def network(
    layout: Layout, options: NetworkOptions | None = None, *, on_progress: OnProgress = lambda line: None
) -> Iterator[Network]:
    """Yield the network that runs in this folder, or start one with these options and stop it afterwards."""
    if running(layout) is not None:
        yield load_network(layout.network)
        return
    start_in_background(layout, options or NetworkOptions(), on_progress, end_with_parent=True)
    try:
        yield load_network(layout.network)
    finally:
        end(layout)


def start_in_background(
    layout: Layout, options: NetworkOptions, on_progress: OnProgress, *, end_with_parent: bool = False
) -> str:
    """Start a network in a process of its own; return when it is ready and its shop filled, if it is to have one.

    Returns the reason why the shop is empty, or nothing. Raises ServiceUnavailable if the network does not start.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _run_child(layout, options, writing, parent if end_with_parent else None)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as lines:
        for line in lines:
            kind, _, rest = line.rstrip("\n").partition(" ")
            if kind == "ready":
                if not options.stocked:
                    return ""
                on_progress(SHOP)
                continue
            if kind == "shop":
                return rest
            if kind == "error":
                os.waitpid(pid, 0)
                raise ServiceUnavailable(rest)
            on_progress(rest)
    os.waitpid(pid, 0)
    raise ServiceUnavailable(f"the local network did not start; see {layout.log('supervisor')}.")


def _run_child(layout: Layout, options: NetworkOptions, writing: int, parent: int | None) -> None:
    # A session of its own: Ctrl-C at the terminal reaches the waiting parent only, which then stops the network.
    os.setsid()
    if parent is not None:
        die_with_parent(parent)
    code = 0
    try:
        redirect_output(layout.log("supervisor"))
        supervise(
            layout,
            options,
            on_ready=lambda: _send(writing, "ready"),
            on_progress=lambda part: _send(writing, f"progress {part}"),
            on_shop=lambda error: _send(writing, f"shop {error}"),
        )
    except SealgridError as error:
        _send(writing, f"error {error.message}")
        code = 1
    except BaseException as error:  # noqa: BLE001  the last frame of this process
        if isinstance(error, OSError) and (known := file_error(error)) is not None:
            _send(writing, f"error {known.message}")
        else:
            traceback.print_exc()
        code = 1
    os._exit(code)


def _send(writing: int, line: str) -> None:
    with suppress(BrokenPipeError):
        os.write(writing, line.replace("\n", " ").encode(errors="replace") + b"\n")
