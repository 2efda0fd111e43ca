"""The worker's end of the relay: carry what the enclave asks for, note what was seen, believe nothing about it."""

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
    """What a job does for its enclave."""

    async def authorise(self, hello: RelayHello) -> RelayWelcome:
        """Have the pool authorise the enclave."""

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        """Carry one request to a vault."""

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return one piece of a file."""

    async def begin(self) -> str:
        """Start a file of the enclave's."""

    async def append(self, upload: str, piece: bytes) -> None:
        """Add a piece to it."""

    async def finish(self, upload: str) -> Digest:
        """Store it."""

    def report(self, stage: Stage) -> object:
        """Have the pool told how far the job is, without waiting for it."""


class RelayServer:
    """Serve one enclave over one connection until it delivers, fails or goes away."""

    def __init__(self, errands: EnclaveRequests) -> None:
        self._errands = errands
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
        """Wait until the enclave ends; raise HostFailed when it goes away without a word."""
        return await self._outcome

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer every frame of a connection; questions run side by side."""
        try:
            while True:
                frame = msgspec.msgpack.decode(await read_frame(reader), type=RelayRequest)
                task = asyncio.create_task(self._answer(frame, writer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (HostFailed, *UNREADABLE):
            if not self._outcome.done():
                self._outcome.set_exception(HostFailed("the enclave ended without a result."))
        finally:
            writer.close()

    async def _answer(self, frame: RelayRequest, writer: asyncio.StreamWriter) -> None:
        try:
            answer = RelayReply(id=frame.id, body=await self._handlers[frame.call](frame))
        except SealgridError as error:
            answer = RelayReply(id=frame.id, error=error.to_wire(), status=error.http_status)
        except Exception as error:  # noqa: BLE001  an enclave without an answer would wait for ever
            failed = ServiceUnavailable(f"the worker failed ({type(error).__name__}).")
            answer = RelayReply(id=frame.id, error=failed.to_wire(), status=failed.http_status)
        with contextlib.suppress(ConnectionError):  # an enclave that is gone needs no answer
            write_frame(writer, msgspec.msgpack.encode(answer))
            await writer.drain()

    async def _hello(self, frame: RelayRequest) -> bytes:
        welcome = await self._errands.authorise(msgspec.msgpack.decode(frame.body, type=RelayHello))
        return msgspec.msgpack.encode(welcome)

    async def _vault(self, frame: RelayRequest) -> bytes:
        return await self._errands.vault(frame.index, frame.path, frame.body)

    async def _read(self, frame: RelayRequest) -> bytes:
        return await self._errands.read(frame.path, frame.offset, frame.length)

    async def _begin(self, _: RelayRequest) -> bytes:
        return (await self._errands.begin()).encode()

    async def _append(self, frame: RelayRequest) -> bytes:
        await self._errands.append(frame.path, frame.body)
        return b""

    async def _finish(self, frame: RelayRequest) -> bytes:
        return (await self._errands.finish(frame.path)).encode()

    async def _stage(self, frame: RelayRequest) -> bytes:
        if frame.path not in {"attested", "released", "running", "sealed"}:
            raise InputRefused(f"{frame.path!r} is no stage that an enclave reaches.")
        self._errands.report(frame.path)  # type: ignore[arg-type]
        return b""

    async def _deliver(self, frame: RelayRequest) -> bytes:
        return self._end(msgspec.msgpack.decode(frame.body, type=ResultDelivery))

    async def _fail(self, frame: RelayRequest) -> bytes:
        return self._end(msgspec.msgpack.decode(frame.body, type=EnclaveFailure))

    def _end(self, outcome: Outcome) -> bytes:
        if not self._outcome.done():
            self._outcome.set_result(outcome)
        return b""
