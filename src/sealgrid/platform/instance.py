"""Process of one enclave: killed with the platform or when the worker closes its relay, and always reaped."""

import asyncio
import os
import select
import socket
import subprocess
from contextlib import suppress

from sealgrid.errors import InputRefused


def connect_relay(path: str) -> socket.socket:
    """Connect to the worker's relay of one launch; raise InputRefused if no process listens there."""
    relay = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        relay.connect(path)
    except OSError as error:
        relay.close()
        raise InputRefused("no process listens at the relay of the launch.") from error
    return relay


class EnclaveInstance:
    """A launched enclave; must be created on the event loop's thread, since PR_SET_PDEATHSIG is bound to a thread."""

    def __init__(self, process: subprocess.Popen[bytes], relay: socket.socket) -> None:
        self._process, self._relay = process, relay
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._pidfd = os.pidfd_open(process.pid)
        # This copy of the relay is never read; it only reports when the worker hangs up.
        self._hangup = select.epoll()
        self._hangup.register(relay.fileno(), select.EPOLLRDHUP | select.EPOLLHUP)
        self._loop.add_reader(self._pidfd, self._on_exit)
        self._loop.add_reader(self._hangup.fileno(), self._on_hangup)

    @property
    def pid(self) -> int:
        """Return the id of the launched process."""
        return self._process.pid

    def is_running(self) -> bool:
        """Return whether the process has not been reaped."""
        return not self._ended.done()

    async def wait(self) -> int:
        """Wait for the process to end; return its exit code."""
        return await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """Kill the process and wait until it is reaped; the kernel kills all processes inside."""
        if self.is_running():
            with suppress(ProcessLookupError):
                self._process.kill()
        await self.wait()

    def _on_hangup(self) -> None:
        self._loop.remove_reader(self._hangup.fileno())
        self._process.kill()

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._loop.remove_reader(self._hangup.fileno())
        self._hangup.close()
        os.close(self._pidfd)
        self._relay.close()  # the worker reads EOF
        self._ended.set_result(self._process.wait())
