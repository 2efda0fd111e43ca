"""The first code that runs in an enclave: find the measured packages, take the two sockets, run the one task.

Started by the platform as ``python -I -S -B boot.py RELAY_FD QUOTE_FD PACKAGES…``.
"""

import asyncio
import socket
import sys
import time
from pathlib import Path

WORK = Path("/job")  #: memory-backed; gone with the enclave


def boot(arguments: list[str]) -> None:
    """Run the session over the two inherited sockets."""
    relay_fd, quote_fd, *packages = arguments
    sys.path[:0] = packages
    from sealgrid.enclave.session import main  # noqa: PLC0415  only importable once the measured path is set

    relay = socket.socket(fileno=int(relay_fd))
    quote = socket.socket(fileno=int(quote_fd))
    asyncio.run(main(relay, quote, WORK, lambda: int(time.time())))


if __name__ == "__main__":
    boot(sys.argv[1:])
