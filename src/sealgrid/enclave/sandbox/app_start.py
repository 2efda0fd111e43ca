"""The first code in an app's sandbox: take the order, set the limits, become the app.

Started as ``python -I -S -B app_start.py STARTED_FD`` with a JSON order on standard input, so that no argument and no
secret ever stands in a command line or in the environment that the kernel shows. Standard library only.
"""

import errno
import json
import os
import resource
import runpy
import signal
import sys

APP = "/app"
WHEELS = "/wheels"
OPEN_FILES = 1024
NICE = 10  #: whoever watches over a fork bomb must come before it
NO_CORE = 1  #: byte; 0 would still let a dump be piped to a program (core(5))
STACK_BYTES = 8 << 20  #: of the first thread, and what the C library gives every other one

#: an app that ends in one of these cannot prove that the machine was not the cause
_HOST_ERRORS = {
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.EAGAIN,
}


def main(started: int) -> None:
    """Run the app that standard input orders; the exit code is the app's own."""
    with os.fdopen(0, "rb", closefd=False) as source:
        order = json.load(source)
    _close_input()
    _limit(order["limits"])
    os.nice(NICE)
    os.environ.clear()
    os.environ.update(order["environment"])
    entry = f"{APP}/{order['entry']}"
    sys.path[:0] = list(dict.fromkeys((entry.rpartition("/")[0], APP, WHEELS)))
    sys.argv = [entry, *order["arguments"]]
    os.write(started, b"1")
    os.close(started)
    _become(entry)


def _close_input() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _limit(limits: dict[str, int]) -> None:
    for kind, value in wanted(limits).items():
        resource.setrlimit(kind, (value, value))  # fails below a lower hard limit, and so before the app is started
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    core = NO_CORE if hard == resource.RLIM_INFINITY else min(NO_CORE, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (core, core))


def wanted(limits: dict[str, int]) -> dict[int, int]:
    """Return resource -> limit that an app with these manifest limits runs under, exactly, on every machine."""
    return {
        resource.RLIMIT_AS: limits["memory"],
        resource.RLIMIT_DATA: limits["memory"],
        resource.RLIMIT_STACK: STACK_BYTES,
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_FSIZE: limits["output_bytes"],
        resource.RLIMIT_NOFILE: OPEN_FILES,
        # A fuse against a fork bomb between two looks of the watch, which counts precisely; threads count here.
        resource.RLIMIT_NPROC: 64 + 16 * limits["processes"],
    }


def _become(entry: str) -> None:
    try:
        runpy.run_path(entry, run_name="__main__")
    except MemoryError:
        _die_as_the_machines_fault()
    except OSError as error:
        if error.errno in _HOST_ERRORS:
            _die_as_the_machines_fault()
        raise


def _die_as_the_machines_fault() -> None:
    # A death by signal is never taken for the app's own failure.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]))
