"""One running enclave: it ends with the platform, with its relay, or by itself, and is always reaped."""

import asyncio
import os
import select
import socket
import subprocess
from contextlib import suppress


class EnclaveInstance:
    """A launched enclave; must be made on the event loop's own thread, whose end the kernel makes its own."""

    def __init__(self, process: subprocess.Popen[bytes], relay: socket.socket) -> None:
        self._process, self._relay = process, relay
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._pidfd = os.pidfd_open(process.pid)
        # Our copy of the relay is never read: all that is asked of it is whether the worker hung up.
        self._hangup = select.epoll()
        self._hangup.register(relay.fileno(), select.EPOLLRDHUP | select.EPOLLHUP)
        self._loop.add_reader(self._pidfd, self._reap)
        self._loop.add_reader(self._hangup.fileno(), self._hung_up)

    @property
    def pid(self) -> int:
        """Return the process that launched the enclave's namespace."""
        return self._process.pid

    def running(self) -> bool:
        """Return whether it has not been reaped yet."""
        return not self._ended.done()

    async def ended(self) -> int:
        """Wait for its end; return the exit code."""
        return await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """Kill it and wait until it is reaped; the kernel ends all that runs inside."""
        if self.running():
            with suppress(ProcessLookupError):
                self._process.kill()
        await self.ended()

    def _hung_up(self) -> None:
        self._loop.remove_reader(self._hangup.fileno())
        self._process.kill()

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._loop.remove_reader(self._hangup.fileno())
        self._hangup.close()
        os.close(self._pidfd)
        self._relay.close()  # now the worker reads the end
        self._ended.set_result(self._process.wait())
