"""First code of an enclave: put the measured packages on the path and run one task over two inherited sockets.

The platform starts it as ``python -I -S -B boot.py RELAY_FD QUOTE_FD PACKAGES…``.
"""

import asyncio
import resource
import socket
import sys
import time
from pathlib import Path

WORK = Path("/job")  #: memory-backed; lost when the enclave ends


def boot(arguments: list[str]) -> None:
    """Run the session over the two inherited sockets."""
    relay_fd, quote_fd, *packages = arguments
    disable_core_dumps()
    sys.path[:0] = packages
    from sealgrid.enclave.session import main  # noqa: PLC0415  importable only now

    relay = socket.socket(fileno=int(relay_fd))
    quote = socket.socket(fileno=int(quote_fd))
    asyncio.run(main(relay, quote, WORK, lambda: int(time.time())))


def disable_core_dumps() -> None:
    """Limit core dumps to one byte, also those that are piped to a program."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    limit = 1 if hard == resource.RLIM_INFINITY else min(1, hard)  # 0 would still let a dump be piped to a program
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


if __name__ == "__main__":
    boot(sys.argv[1:])
