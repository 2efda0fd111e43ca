"""What anyone says to a storage node: files by the digest of their content, nothing else."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sealgrid.attestation.statements import ResultOpened, UploadTicket
from sealgrid.crypto.digests import cid_of
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import ServiceUnavailable
from sealgrid.units import ZERO_DIGEST, Address, Digest, TaskId, to_digest
from sealgrid.wire.message import Message, Transport, call, encode

PIECE_BYTES = 1 << 20  #: files travel in pieces of this size, so no part ever holds a whole one
NO_TASK = TaskId(ZERO_DIGEST)  #: in tickets for files that are no results
TICKET_SECONDS = 600  #: a ticket is for at most so long ahead


class StoredFileInfo(Message, frozen=True, kw_only=True):
    """A file that the node holds."""

    sha256: Digest
    cid: str
    size: int  #: bytes


class WorkerProof(Message, frozen=True, kw_only=True):
    """That a pool authorised this account as the worker of a task, for this enclave."""

    enclave: Address
    signature: bytes  #: the pool's, as PoCo takes it


class SignedTicket(Message, frozen=True, kw_only=True):
    """What opens an upload: the account's ticket, and for a result the pool's authorisation of the worker."""

    ticket: UploadTicket
    signature: bytes  #: UploadTicket by its account
    worker: WorkerProof | None = None


class ResultOpenedNotice(Message, frozen=True, kw_only=True):
    """A requester's word that it opened a result."""

    opened: ResultOpened
    signature: bytes


class UploadStatus(Message, frozen=True, kw_only=True):
    """An upload that is going on."""

    upload: str


def location(sha256: Digest) -> str:
    """Return the address of a file's content, as it stands on the chain: ``/ipfs/<cid>``."""
    return f"/ipfs/{cid_of(sha256)}"


@dataclass(frozen=True, slots=True)
class TicketSigner:
    """Signs a ticket for each upload of one account to one node."""

    node: str  #: its URL in the network file
    key: SigningKey = field(repr=False)
    domain: Domain
    clock: Callable[[], float] = time.time
    task: TaskId = NO_TASK  #: whose result is uploaded
    worker: WorkerProof | None = None

    def sign(self, size: int) -> SignedTicket | None:
        """Return a ticket for one file of at most ``size`` bytes; None when the account's key is elsewhere."""
        ticket = UploadTicket(
            node=self.node,
            account=self.key.address,
            task=self.task,
            size=size,
            expiry=int(self.clock()) + TICKET_SECONDS // 2,
            nonce=to_digest(os.urandom(32)),
        )
        signature = ticket.sign(self.domain, self.key)
        return SignedTicket(ticket=ticket, signature=signature, worker=self.worker) if signature else None

    def of_result(self, task: TaskId, worker: WorkerProof) -> "TicketSigner":
        """Return what signs tickets for the result of a task."""
        return replace(self, task=task, worker=worker)


class StorageClient:
    """Speak to a storage node; every read says which digest it wants, and the reader checks it.

    With ``tickets`` uploads are an account's, which may store more than a network address.
    """

    def __init__(self, transport: Transport, tickets: TicketSigner | None = None) -> None:
        self._transport, self._tickets = transport, tickets

    def for_result(self, task: TaskId, worker: WorkerProof) -> "StorageClient":
        """Return a client whose uploads are the result of a task."""
        return StorageClient(self._transport, self._tickets and self._tickets.of_result(task, worker))

    async def begin(self, size: int) -> str:
        """Start an upload of at most ``size`` bytes; return its name."""
        ticket = self._tickets and self._tickets.sign(size)
        return (await call(self._transport, "POST", "/uploads", ticket, UploadStatus)).upload

    async def opened(self, files: tuple[Digest, ...]) -> None:
        """Say that the account opened a result, so that the node may remove these files of it."""
        if self._tickets is None:
            return
        await asyncio.gather(*(self._say_opened(file, self._tickets) for file in files))

    async def _say_opened(self, file: Digest, tickets: TicketSigner) -> None:
        said = ResultOpened(reader=tickets.key.address, file_sha256=file)
        signature = said.sign(tickets.domain, tickets.key)
        if signature:
            message = ResultOpenedNotice(opened=said, signature=signature)
            await self._transport.request("POST", f"/files/{file}/opened", encode(message))

    async def append(self, upload: str, piece: bytes) -> None:
        """Add one piece, at most PIECE_BYTES."""
        await self._transport.request("PATCH", f"/uploads/{upload}", piece)

    async def finish(self, upload: str) -> StoredFileInfo:
        """End an upload; the file is stored under its digest."""
        return await call(self._transport, "POST", f"/uploads/{upload}/end", None, StoredFileInfo)

    async def put(self, content: bytes) -> StoredFileInfo:
        """Store a file that fits in memory."""
        upload = await self.begin(len(content))
        for start in range(0, len(content), PIECE_BYTES):
            await self.append(upload, content[start : start + PIECE_BYTES])
        return await self.finish(upload)

    async def head(self, sha256: Digest) -> StoredFileInfo:
        """Return a file's size; raise NotFound."""
        return await call(self._transport, "GET", f"/files/{sha256}", None, StoredFileInfo)

    async def by_address(self, cid: str) -> bytes:
        """Return a small file by the content address that IPFS nodes give it, unverified; raise NotFound."""
        return await self._transport.request("GET", f"/ipfs/{cid}")

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return one piece of a file, unverified: whoever assembles the file checks its digest."""
        piece = await self._transport.request("GET", f"/files/{sha256}/{offset}/{length}")
        if len(piece) > length:
            raise ServiceUnavailable("the storage node answered more bytes than were asked for.")
        return piece
