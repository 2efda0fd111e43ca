"""The worker's end of the relay: dispatch the requests of one enclave."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import HostFailed, InputRefused, SealgridError, ServiceUnavailable
from sealgrid.units import Digest
from sealgrid.wire.pool import Stage
from sealgrid.wire.relay import (
    Call,
    EnclaveFailure,
    RelayHello,
    RelayReply,
    RelayRequest,
    RelayWelcome,
    ResultDelivery,
    read_frame,
    write_frame,
)

Outcome = ResultDelivery | EnclaveFailure


class EnclaveRequests(Protocol):
    """Operations that a job provides to its enclave."""

    async def authorise(self, hello: RelayHello) -> RelayWelcome:
        """Return the pool's authorisation and the documents of the deal."""

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        """Forward one request to a vault."""

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return one piece of a file."""

    async def begin(self) -> str:
        """Start an upload; return its name."""

    async def append(self, upload: str, piece: bytes) -> None:
        """Append a piece to an upload."""

    async def finish(self, upload: str) -> Digest:
        """Complete an upload."""

    def report(self, stage: Stage) -> object:
        """Report the stage of the job to the pool, in the background."""


class RelayServer:
    """Serves one enclave over one connection until it delivers, fails or disconnects."""

    def __init__(self, requests: EnclaveRequests) -> None:
        self._requests = requests
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: dict[Call, Callable[[RelayRequest], Awaitable[bytes]]] = {
            "hello": self._hello,
            "vault": self._vault,
            "read": self._read,
            "begin": self._begin,
            "append": self._append,
            "finish": self._finish,
            "stage": self._stage,
            "deliver": self._deliver,
            "fail": self._fail,
        }

    async def outcome(self) -> Outcome:
        """Wait until the enclave ends; raise HostFailed when it disconnects without an outcome."""
        return await self._outcome

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reply to every frame of a connection; requests run concurrently."""
        try:
            while True:
                frame = msgspec.msgpack.decode(await read_frame(reader), type=RelayRequest)
                task = asyncio.create_task(self._reply(frame, writer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (HostFailed, *UNREADABLE):
            if not self._outcome.done():
                self._outcome.set_exception(HostFailed("the enclave ended without a result."))
        finally:
            writer.close()

    async def _reply(self, frame: RelayRequest, writer: asyncio.StreamWriter) -> None:
        try:
            reply = RelayReply(id=frame.id, body=await self._handlers[frame.call](frame))
        except SealgridError as error:
            reply = RelayReply(id=frame.id, error=error.to_wire(), status=error.http_status)
        except Exception as error:  # noqa: BLE001  without a reply the enclave would wait forever
            failed = ServiceUnavailable(f"the worker failed ({type(error).__name__}).")
            reply = RelayReply(id=frame.id, error=failed.to_wire(), status=failed.http_status)
        with contextlib.suppress(ConnectionError):  # the enclave may be gone
            write_frame(writer, msgspec.msgpack.encode(reply))
            await writer.drain()

    async def _hello(self, frame: RelayRequest) -> bytes:
        welcome = await self._requests.authorise(msgspec.msgpack.decode(frame.body, type=RelayHello))
        return msgspec.msgpack.encode(welcome)

    async def _vault(self, frame: RelayRequest) -> bytes:
        return await self._requests.vault(frame.index, frame.path, frame.body)

    async def _read(self, frame: RelayRequest) -> bytes:
        return await self._requests.read(frame.path, frame.offset, frame.length)

    async def _begin(self, _: RelayRequest) -> bytes:
        return (await self._requests.begin()).encode()

    async def _append(self, frame: RelayRequest) -> bytes:
        await self._requests.append(frame.path, frame.body)
        return b""

    async def _finish(self, frame: RelayRequest) -> bytes:
        return (await self._requests.finish(frame.path)).encode()

    async def _stage(self, frame: RelayRequest) -> bytes:
        if frame.path not in {"attested", "released", "running", "sealed"}:
            raise InputRefused(f"{frame.path!r} is not a stage of an enclave.")
        self._requests.report(frame.path)  # type: ignore[arg-type]
        return b""

    async def _deliver(self, frame: RelayRequest) -> bytes:
        return self._end(msgspec.msgpack.decode(frame.body, type=ResultDelivery))

    async def _fail(self, frame: RelayRequest) -> bytes:
        return self._end(msgspec.msgpack.decode(frame.body, type=EnclaveFailure))

    def _end(self, outcome: Outcome) -> bytes:
        if not self._outcome.done():
            self._outcome.set_result(outcome)
        return b""
