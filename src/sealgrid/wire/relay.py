"""Relay protocol between an enclave and its worker: length-prefixed msgpack frames over one Unix socket.

The enclave sends requests, the worker replies. The worker carries only ciphertext and attested requests; the enclave
verifies every reply.
"""

import asyncio
from typing import Final, Literal

import msgspec

from sealgrid.attestation.statements import Verdict
from sealgrid.errors import (
    DECODE_ERRORS,
    ContentDiffers,
    HostFailed,
    NotFound,
    SealgridError,
    ServiceUnavailable,
    TaskFailed,
    from_wire,
)
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import Address, DealId, Digest, TaskId
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.vault import Authorization, BulkDocuments, MatchedOrder, SignedReassign

MAX_FRAME_BYTES = 8 << 20

Call = Literal["prepare", "hello", "vault", "read", "begin", "append", "finish", "stage", "deliver", "computed", "fail"]
_FILE_CALLS: Final = frozenset[Call]({"prepare", "read", "begin", "append", "finish", "stage"})
_FILE_ERRORS: Final = (NotFound, ServiceUnavailable, ContentDiffers)  #: which a worker may state about files


class RelayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request of the enclave."""

    id: int
    call: Call
    index: int = 0  #: which vault, for "vault"
    path: str = ""  #: path at the vault; digest for "read"; upload for "append" and "finish"; stage for "stage"
    offset: int = 0
    length: int = 0
    body: bytes = b""


class RelayReply(msgspec.Struct, frozen=True, kw_only=True):
    """The worker's reply."""

    id: int
    body: bytes = b""
    error: dict[str, str] | None = None
    status: int = 200


class RelayHello(msgspec.Struct, frozen=True, kw_only=True):
    """Body of "hello": the enclave's fresh address; the reply is a RelayWelcome."""

    enclave: Address


class RelayWelcome(msgspec.Struct, frozen=True, kw_only=True):
    """The pool's authorisation for this enclave, and documents of the deal. All unverified."""

    authorization: Authorization
    reassign: SignedReassign | None = None
    request: RequestDocument | None = None  #: the request order that the deal was matched from
    matched: MatchedOrder | None = None  #: for the vaults, which check it
    result_key: RegisteredResultKey | None = None  #: likewise; the result is encrypted for it
    bulk: BulkDocuments | None = None  #: likewise


class RelayedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One vault's signed verdict on the result."""

    vault: Address
    verdict: Verdict
    signature: bytes


class ResultDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """Body of "deliver": the arguments of PoCo's contributeAndFinalize, and the digests of the files."""

    result_digest: Digest
    results: bytes  #: the hint that goes on the chain
    callback: bytes
    enclave_signature: bytes
    verdicts: tuple[RelayedVerdict, ...]  #: in ascending vault order
    sealed_sha256: Digest
    receipt_sha256: Digest
    liars: tuple[Address, ...] = ()  #: vaults whose reply or share was invalid


class EnclaveFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Body of "fail": why this enclave ends without a result. Never holds data of the app."""

    kind: Literal["refused", "host"]
    reason: str
    check: str = ""  #: number of the check that failed, if any


class PublicJobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the process that runs an app without an enclave is started with. All of it is public."""

    relay: str  #: path of the worker's socket
    app_digest: Digest
    deal: DealId
    task: TaskId
    index: int
    bot_first: int  #: index of the deal's first task
    bot_size: int  #: number of the deal's tasks
    params: str  #: of the request


class ComputedArchive(msgspec.Struct, frozen=True, kw_only=True):
    """Body of "computed": the result of an app that ran without an enclave, in the worker's cache."""

    sha256: Digest


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return one frame; raise HostFailed when the peer closed or the frame is too large."""
    try:
        size = int.from_bytes(await reader.readexactly(4), "big")
        if size > MAX_FRAME_BYTES:
            raise HostFailed("the relay sent a frame above the limit.")
        return await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise HostFailed("the relay between worker and enclave closed.") from error


def write_frame(writer: asyncio.StreamWriter, body: bytes) -> None:
    """Queue one frame."""
    writer.write(len(body).to_bytes(4, "big") + body)


class RelayClient:
    """The enclave's end: concurrent requests over one socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._pending: dict[int, asyncio.Future[RelayReply]] = {}
        self._last_id = 0
        self._reader_task = asyncio.create_task(self._read_replies())

    async def call(
        self, call: Call, *, index: int = 0, path: str = "", offset: int = 0, length: int = 0, body: bytes = b""
    ) -> bytes:
        """Send one request and return the reply's body; raise the error that the worker returned.

        No error of a worker proves anything about the app or its files: HostFailed stands for one that would.
        """
        self._last_id += 1
        frame = RelayRequest(
            id=self._last_id, call=call, index=index, path=path, offset=offset, length=length, body=body
        )
        future: asyncio.Future[RelayReply] = asyncio.get_running_loop().create_future()
        self._pending[frame.id] = future
        write_frame(self._writer, msgspec.msgpack.encode(frame))
        await self._writer.drain()
        reply = await future
        if reply.error is not None:
            raise _unproved(call, from_wire(reply.error, reply.status))
        return reply.body

    async def close(self) -> None:
        """Stop reading and close the socket."""
        self._reader_task.cancel()
        self._writer.close()

    async def _read_replies(self) -> None:
        try:
            while True:
                reply = msgspec.msgpack.decode(await read_frame(self._reader), type=RelayReply)
                pending = self._pending.pop(reply.id, None)
                if pending is not None and not pending.done():
                    pending.set_result(reply)
        except (HostFailed, *DECODE_ERRORS) as error:
            for pending in self._pending.values():
                if not pending.done():
                    pending.set_exception(HostFailed(f"the relay between worker and enclave broke: {error}"))


def _unproved(call: Call, error: SealgridError) -> SealgridError:
    """Return the error of a reply as far as a worker may state it.

    Its AppFailed or ContainerRefused would otherwise be settled and paid like one that the enclave found.
    """
    may_state = isinstance(error, _FILE_ERRORS) if call in _FILE_CALLS else not isinstance(error, TaskFailed)
    return error if may_state else HostFailed(error.message)


class RelayedVaultTransport:
    """Transport to one vault whose requests the worker forwards."""

    def __init__(self, relay: RelayClient, index: int) -> None:
        self._relay, self._index = relay, index

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Send one request to this vault; the worker always sends it as POST."""
        del method
        return await self._relay.call("vault", index=self._index, path=path, body=body)
