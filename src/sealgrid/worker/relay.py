"""The worker's end of the relay: dispatch the requests of one enclave."""

import asyncio
import contextlib
from typing import Final, Protocol

import msgspec

from sealgrid.errors import DECODE_ERRORS, HostFailed, InputRefused, SealgridError, ServiceUnavailable
from sealgrid.units import Digest
from sealgrid.wire.pool import Stage
from sealgrid.wire.relay import (
    MAX_FRAME_BYTES,
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

_HEAD_BYTES: Final = 1024  #: of a reply beside its body
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


class WaitingEnclaveRequests(Protocol):
    """What a worker provides to an enclave without a task."""

    expected: str  #: digest of the app that the enclave should lay out; empty for none

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return one piece of a file."""


class RelayServer:
    """Serves one enclave over one connection until it delivers, fails or disconnects.

    Until the enclave has a task, ``requests`` is None and ``preparation`` replies.
    """

    def __init__(self, requests: EnclaveRequests | None, preparation: WaitingEnclaveRequests | None = None) -> None:
        self._requests, self._preparation = requests, preparation
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        # Nobody waits for the outcome of an enclave that ends without a task.
        self._outcome.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def has_ended(self) -> bool:
        """Return whether the enclave delivered, failed or disconnected."""
        return self._outcome.done()

    def assign(self, requests: EnclaveRequests) -> None:
        """Serve the enclave's task from now on."""
        self._requests = requests

    async def outcome(self) -> Outcome:
        """Wait until the enclave ends; raise HostFailed when it disconnects without an outcome."""
        return await self._outcome

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reply to every frame of a connection; requests run concurrently."""
        self._writers.add(writer)
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
            self._writers.discard(writer)
            writer.close()

    async def hang_up(self) -> None:
        """Close the connection without sending what is queued; the platform then stops the enclave."""
        for writer in list(self._writers):
            writer.transport.abort()  # an enclave that reads nothing must not hold up its worker

    async def _reply(self, frame: RelayRequest, writer: asyncio.StreamWriter) -> None:
        try:
            requests = self._requests
            body = await (self._handle(frame, requests) if requests else self._handle_waiting(frame))
            reply = RelayReply(id=frame.id, body=body)
        except SealgridError as error:
            reply = RelayReply(id=frame.id, error=error.to_wire(), status=error.http_status)
        except Exception as error:  # noqa: BLE001  without a reply the enclave would wait forever
            failed = ServiceUnavailable(f"the worker failed ({type(error).__name__}).")
            reply = RelayReply(id=frame.id, error=failed.to_wire(), status=failed.http_status)
        with contextlib.suppress(ConnectionError):  # the enclave may be gone
            write_frame(writer, msgspec.msgpack.encode(reply))
            await writer.drain()

    async def _handle(self, frame: RelayRequest, requests: EnclaveRequests) -> bytes:
        decode, reply = msgspec.msgpack.decode, b""
        match frame.call:
            case "hello":
                reply = msgspec.msgpack.encode(await requests.authorise(decode(frame.body, type=RelayHello)))
            case "vault":
                reply = _checked_size(await requests.vault(frame.index, frame.path, frame.body))
            case "read":
                reply = await requests.read(frame.path, frame.offset, frame.length)
            case "begin":
                reply = (await requests.begin()).encode()
            case "append":
                await requests.append(frame.path, frame.body)
            case "finish":
                reply = (await requests.finish(frame.path)).encode()
            case "stage":
                _report_stage(requests, frame.path)
            case "deliver" | "computed" | "fail":
                self._end(decode(frame.body, type=_OUTCOMES[frame.call]))
        return reply

    async def _handle_waiting(self, frame: RelayRequest) -> bytes:
        """Reply to an enclave without a task, which can only lay out an app."""
        if self._preparation is not None and frame.call == "prepare":
            return self._preparation.expected.encode()
        if self._preparation is not None and frame.call == "read":
            return await self._preparation.read(frame.path, frame.offset, frame.length)
        raise InputRefused("this enclave has no task.")

    def _end(self, outcome: Outcome) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)


def _checked_size(answer: bytes) -> bytes:
    """Return a vault's answer; raise ServiceUnavailable for one whose frame would end the calls to all vaults."""
    if len(answer) > MAX_FRAME_BYTES - _HEAD_BYTES:
        raise ServiceUnavailable("a vault's answer is above the limit of the relay.")
    return answer


def _report_stage(requests: EnclaveRequests, stage: str) -> None:
    if stage not in {"attested", "released", "running", "sealed"}:
        raise InputRefused(f"{stage!r} is not a stage of an enclave.")
    requests.report(stage)  # type: ignore[arg-type]
