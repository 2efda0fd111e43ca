"""The first code that runs in an enclave: find the measured packages, take the two sockets, run the one task.

Started by the platform as ``python -I -S -B boot.py RELAY_FD QUOTE_FD PACKAGES…``.
"""

import asyncio
import resource
import socket
import sys
import time
from pathlib import Path

WORK = Path("/job")  #: memory-backed; gone with the enclave


def boot(arguments: list[str]) -> None:
    """Run the session over the two inherited sockets."""
    relay_fd, quote_fd, *packages = arguments
    _leave_no_core()
    sys.path[:0] = packages
    from sealgrid.enclave.session import main  # noqa: PLC0415  only importable once the measured path is set

    relay = socket.socket(fileno=int(relay_fd))
    quote = socket.socket(fileno=int(quote_fd))
    asyncio.run(main(relay, quote, WORK, lambda: int(time.time())))


def _leave_no_core() -> None:
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    limit = 1 if most == resource.RLIM_INFINITY else min(1, most)  # 0 would still let a dump be piped to a program
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


if __name__ == "__main__":
    boot(sys.argv[1:])
