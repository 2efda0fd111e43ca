"""The worker's end of the relay: dispatch the requests of one enclave."""

import asyncio
import contextlib
from typing import Final, Protocol

import msgspec

from sealgrid.errors import DECODE_ERRORS, HostFailed, InputRefused, SealgridError, ServiceUnavailable
from sealgrid.units import Digest
from sealgrid.wire.pool import Stage
from sealgrid.wire.relay import (
    ComputedArchive,
    EnclaveFailure,
    RelayHello,
    RelayReply,
    RelayRequest,
    RelayWelcome,
    ResultDelivery,
    read_frame,
    write_frame,
)

Outcome = ResultDelivery | ComputedArchive | EnclaveFailure
_OUTCOMES: Final[dict[str, type[Outcome]]] = {
    "deliver": ResultDelivery,
    "computed": ComputedArchive,
    "fail": EnclaveFailure,
}


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
        except (HostFailed, *DECODE_ERRORS):
            if not self._outcome.done():
                self._outcome.set_exception(HostFailed("the enclave ended without a result."))
        finally:
            writer.close()

    async def _reply(self, frame: RelayRequest, writer: asyncio.StreamWriter) -> None:
        try:
            reply = RelayReply(id=frame.id, body=await self._handle(frame))
        except SealgridError as error:
            reply = RelayReply(id=frame.id, error=error.to_wire(), status=error.http_status)
        except Exception as error:  # noqa: BLE001  without a reply the enclave would wait forever
            failed = ServiceUnavailable(f"the worker failed ({type(error).__name__}).")
            reply = RelayReply(id=frame.id, error=failed.to_wire(), status=failed.http_status)
        with contextlib.suppress(ConnectionError):  # the enclave may be gone
            write_frame(writer, msgspec.msgpack.encode(reply))
            await writer.drain()

    async def _handle(self, frame: RelayRequest) -> bytes:
        requests, decode = self._requests, msgspec.msgpack.decode
        reply = b""
        match frame.call:
            case "hello":
                reply = msgspec.msgpack.encode(await requests.authorise(decode(frame.body, type=RelayHello)))
            case "vault":
                reply = await requests.vault(frame.index, frame.path, frame.body)
            case "read":
                reply = await requests.read(frame.path, frame.offset, frame.length)
            case "begin":
                reply = (await requests.begin()).encode()
            case "append":
                await requests.append(frame.path, frame.body)
            case "finish":
                reply = (await requests.finish(frame.path)).encode()
            case "stage":
                self._report_stage(frame.path)
            case "deliver" | "computed" | "fail":
                self._end(decode(frame.body, type=_OUTCOMES[frame.call]))
        return reply

    def _report_stage(self, stage: str) -> None:
        if stage not in {"attested", "released", "running", "sealed"}:
            raise InputRefused(f"{stage!r} is not a stage of an enclave.")
        self._requests.report(stage)  # type: ignore[arg-type]

    def _end(self, outcome: Outcome) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)
