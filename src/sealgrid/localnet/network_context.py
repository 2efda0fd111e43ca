"""A local network as something to have: the one that runs, or one for as long as it is needed."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sealgrid.errors import SealgridError, ServiceUnavailable
from sealgrid.localnet.layout import Layout
from sealgrid.localnet.processes import die_with_parent
from sealgrid.localnet.supervisor import Told, end, running, supervise
from sealgrid.sdk.network import Network, load_network


@contextmanager
def network(layout: Layout, *, port: int = 0, told: Told = lambda line: None) -> Iterator[Network]:
    """Yield the network that runs in this folder, or start one and end it afterwards."""
    if running(layout) is not None:
        yield load_network(layout.network)
        return
    started(layout, port=port, told=told, leash=True)
    try:
        yield load_network(layout.network)
    finally:
        end(layout)


def started(
    layout: Layout,
    *,
    port: int,
    told: Told,
    leash: bool = False,
    stocked: bool = False,
    gate: bool = False,
    storages: int = 1,
) -> None:
    """Start a network in the background and return when it is ready; with ``leash`` it ends with this process."""
    reading, writing = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _background(layout, port, writing, parent if leash else None, stocked=stocked, gate=gate, storages=storages)
    os.close(writing)
    _await(reading, pid, layout, told)


def _background(
    layout: Layout, port: int, writing: int, parent: int | None, *, stocked: bool, gate: bool, storages: int
) -> None:
    # In a session of its own: a Ctrl-C at the terminal is for the one who waits, who then ends the network in order.
    os.setsid()
    if parent is not None:
        die_with_parent(parent)
    _quiet(layout)
    code = 0
    try:
        supervise(
            layout,
            port=port,
            ready=lambda: _say(writing, "ready"),
            told=lambda part: _say(writing, f"told {part}"),
            stocked=stocked,
            gate=gate,
            storages=storages,
        )
    except SealgridError as error:
        _say(writing, f"error {error.message}")
        code = 1
    except BaseException:  # noqa: BLE001  the last frame of this process
        traceback.print_exc()
        code = 1
    os._exit(code)


def _await(reading: int, pid: int, layout: Layout, told: Told) -> None:
    with os.fdopen(reading, errors="replace") as lines:
        for line in lines:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "ready":
                return
            if word == "error":
                os.waitpid(pid, 0)
                raise ServiceUnavailable(rest)
            told(rest)
    os.waitpid(pid, 0)
    raise ServiceUnavailable(f"the local network did not start; see {layout.log('supervisor')}.")


def _say(writing: int, line: str) -> None:
    with suppress(BrokenPipeError):
        os.write(writing, line.replace("\n", " ").encode() + b"\n")


def _quiet(layout: Layout) -> None:
    log = os.open(layout.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
