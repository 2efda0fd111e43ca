"""How an enclave and its worker speak: length-prefixed msgpack frames over one Unix socket.

The enclave asks, the worker answers. Everything that the worker carries is ciphertext or an attested request; nothing
that it answers is believed before it is verified inside.
"""

import asyncio
from typing import Literal

import msgspec

from sealgrid.attestation.statements import Verdict
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import HostFailed, from_wire
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import Address, Digest
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.vault import Authorization, BulkDocuments, MatchedOrder, SignedReassign

MAX_FRAME_BYTES = 8 << 20

Call = Literal["hello", "vault", "read", "begin", "append", "finish", "stage", "deliver", "fail"]


class RelayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One question of the enclave."""

    id: int
    call: Call
    index: int = 0  #: which vault, for "vault"
    path: str = ""  #: path at the vault; digest for "read"; upload for "append" and "finish"; stage for "stage"
    offset: int = 0
    length: int = 0
    body: bytes = b""


class RelayReply(msgspec.Struct, frozen=True, kw_only=True):
    """The worker's answer."""

    id: int
    body: bytes = b""
    error: dict[str, str] | None = None
    status: int = 200


class RelayHello(msgspec.Struct, frozen=True, kw_only=True):
    """Body of "hello": the enclave's fresh address; answered with a Welcome."""

    enclave: Address


class RelayWelcome(msgspec.Struct, frozen=True, kw_only=True):
    """The pool's authorisation for this enclave."""

    authorization: Authorization
    reassign: SignedReassign | None = None
    request: RequestDocument | None = None  #: the request order that the deal was matched from; unverified
    matched: MatchedOrder | None = None  #: for the vaults, who judge it
    result_key: RegisteredResultKey | None = None  #: likewise, and to encrypt the result for
    bulk: BulkDocuments | None = None  #: for the vaults likewise


class RelayedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One vault's word on the result."""

    vault: Address
    verdict: Verdict
    signature: bytes


class ResultDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """Body of "deliver": all that PoCo needs for contributeAndFinalize, and where the files lie."""

    result_digest: Digest
    results: bytes  #: the hint that goes on the chain
    callback: bytes
    enclave_signature: bytes
    verdicts: tuple[RelayedVerdict, ...]  #: in ascending vault order
    sealed_sha256: Digest
    receipt_sha256: Digest
    liars: tuple[Address, ...] = ()  #: vaults that gave the enclave an answer or a share that does not hold


class EnclaveFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Body of "fail": why this enclave ends without a result. Never a byte of what the app saw."""

    kind: Literal["refused", "host"]
    reason: str
    check: str = ""  #: number of the check that refused, when one did


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return one frame; raise HostFailed when the other side is gone or breaks the size limit."""
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
    """The enclave's end: any number of questions at once over one socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[RelayReply]] = {}
        self._next = 0
        self._listening = asyncio.create_task(self._listen())

    async def ask(
        self, call: Call, *, index: int = 0, path: str = "", offset: int = 0, length: int = 0, body: bytes = b""
    ) -> bytes:
        """Ask the worker; raise the error that it answered."""
        self._next += 1
        frame = RelayRequest(id=self._next, call=call, index=index, path=path, offset=offset, length=length, body=body)
        future: asyncio.Future[RelayReply] = asyncio.get_running_loop().create_future()
        self._waiting[frame.id] = future
        write_frame(self._writer, msgspec.msgpack.encode(frame))
        await self._writer.drain()
        answer = await future
        if answer.error is not None:
            raise from_wire(answer.error, answer.status)
        return answer.body

    async def close(self) -> None:
        """Stop listening and close the socket."""
        self._listening.cancel()
        self._writer.close()

    async def _listen(self) -> None:
        try:
            while True:
                answer = msgspec.msgpack.decode(await read_frame(self._reader), type=RelayReply)
                waiting = self._waiting.pop(answer.id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        except (HostFailed, *UNREADABLE) as error:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(HostFailed(f"the relay between worker and enclave broke: {error}"))


class VaultThroughRelay:
    """A vault as the enclave reaches it: a Transport whose every request the worker carries."""

    def __init__(self, relay: RelayClient, index: int) -> None:
        self._relay, self._index = relay, index

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Send one request to this vault; ``method`` follows from whether there is a body."""
        del method
        return await self._relay.ask("vault", index=self._index, path=path, body=body)
