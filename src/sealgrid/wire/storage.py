"""Messages and client of a storage node (docs/protocol/storage.md)."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sealgrid.attestation.statements import FileRemoval, ResultOpened, UploadTicket
from sealgrid.crypto.digests import canonical, cid_of
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import AnswerTooLarge, FileTooLarge, ServiceUnavailable, TicketRefused
from sealgrid.units import ZERO_DIGEST, Address, Digest, TaskId, to_digest
from sealgrid.wire.message import MAX_MESSAGE_BYTES, Message, Transport, call, encode

PIECE_BYTES = 1 << 20  #: size of one transferred piece; files are never held whole in memory
NO_TASK = TaskId(ZERO_DIGEST)  #: in tickets for files other than results
TICKET_SECONDS = 600  #: maximum lifetime of a ticket
NODE_SECONDS = 20.0  #: patience for one answer of a node, after which another node is asked
TIME_CHECK = "ticket.2"  #: number of the check of a ticket's expiry


class StoredFileInfo(Message, frozen=True, kw_only=True):
    """A file stored at the node."""

    sha256: Digest
    cid: str
    size: int  #: bytes


class WorkerProof(Message, frozen=True, kw_only=True):
    """A pool's authorisation of this account as the worker of a task with this enclave (PoCo)."""

    enclave: Address
    signature: bytes  #: of the pool, in PoCo's form


class SignedTicket(Message, frozen=True, kw_only=True):
    """Body of a request that starts an upload; uploads of results include the worker's authorisation."""

    ticket: UploadTicket
    signature: bytes  #: of the UploadTicket, by its account
    worker: WorkerProof | None = None
    stored_for: Address | None = None  #: set by a service that uploads for another account, which may remove the file


class ResultOpenedNotice(Message, frozen=True, kw_only=True):
    """A requester's signed statement that it opened a result."""

    opened: ResultOpened
    signature: bytes


class SignedRemoval(Message, frozen=True, kw_only=True):
    """An account's signed statement that nodes should remove a file."""

    removal: FileRemoval
    signature: bytes


class RemovalAnswer(Message, frozen=True, kw_only=True):
    """What remains after a removal."""

    kept_for: int  #: number of other clients that stored the same file; it is gone if there are none


class UploadStatus(Message, frozen=True, kw_only=True):
    """An open upload."""

    upload: str


def location(sha256: Digest) -> str:
    """Return the address of a file as assets on the chain name it: ``/ipfs/<cid>``."""
    return f"/ipfs/{cid_of(sha256)}"


def results_hint(sha256: Digest) -> bytes:
    """Return PoCo's public hint to a result that is not encrypted."""
    return canonical({"storage": "ipfs", "location": location(sha256)})


class NodeClock(Message, frozen=True, kw_only=True):
    """The clock of a storage node."""

    seconds: int  #: Unix time


@dataclass(frozen=True, slots=True)
class TicketSigner:
    """Signs upload tickets of one account for one node."""

    node: str  #: URL of the node in the network file
    key: SigningKey = field(repr=False)
    domain: Domain
    clock: Callable[[], float] = time.time
    task: TaskId = NO_TASK  #: whose result is uploaded
    worker: WorkerProof | None = None
    stored_for: Address | None = None  #: as in ``SignedTicket``

    def sign(self, size: int) -> SignedTicket | None:
        """Return a ticket for one file of at most ``size`` bytes; None if the key is in an external wallet."""
        ticket = UploadTicket(
            node=self.node,
            account=self.key.address,
            task=self.task,
            size=size,
            expiry=int(self.clock()) + TICKET_SECONDS // 2,
            nonce=to_digest(os.urandom(32)),
        )
        signature = ticket.sign(self.domain, self.key)
        if not signature:
            return None
        return SignedTicket(ticket=ticket, signature=signature, worker=self.worker, stored_for=self.stored_for)

    def for_result(self, task: TaskId, worker: WorkerProof) -> "TicketSigner":
        """Return a signer of tickets for the result of a task."""
        return replace(self, task=task, worker=worker)


class StorageClient:
    """Client of a storage node. Callers verify the digest of what they read.

    With ``tickets`` uploads count for an account, which has a larger quota than a network address. Without them ``url``
    names the node.
    """

    def __init__(self, transport: Transport, tickets: TicketSigner | None = None, *, url: str = "") -> None:
        self.transport, self._tickets = transport, tickets
        self.url = url or (tickets.node if tickets else "")  #: of the node, for logs

    def for_result(self, task: TaskId, worker: WorkerProof) -> "StorageClient":
        """Return a client that uploads the result of a task."""
        return StorageClient(self.transport, self._tickets and self._tickets.for_result(task, worker), url=self.url)

    def stored_for(self, account: Address) -> "StorageClient":
        """Return a client whose uploads another account may have removed; for a service that uploads for it."""
        return StorageClient(self.transport, self._tickets and replace(self._tickets, stored_for=account), url=self.url)

    async def begin(self, size: int) -> str:
        """Start an upload of at most ``size`` bytes; return its id.

        If this machine's clock differs from the node's, the ticket is signed again for the node's time: it is for this
        node and one upload in any case.
        """
        if self._tickets is None:
            return await self._open_upload(None)
        try:
            return await self._open_upload(self._tickets.sign(size))
        except TicketRefused as refused:
            if refused.check != TIME_CHECK:
                raise
        now = await self.seconds()
        return await self._open_upload(replace(self._tickets, clock=lambda: now).sign(size))

    async def _open_upload(self, ticket: SignedTicket | None) -> str:
        return (await call(self.transport, "POST", "/uploads", ticket, UploadStatus)).upload

    async def report_opened(self, files: tuple[Digest, ...]) -> None:
        """Report that the account opened a result; the node may then remove these files."""
        if self._tickets is None:
            return
        await asyncio.gather(*(self._report_opened_file(file, self._tickets) for file in files))

    async def _report_opened_file(self, file: Digest, tickets: TicketSigner) -> None:
        statement = ResultOpened(reader=tickets.key.address, file_sha256=file)
        signature = statement.sign(tickets.domain, tickets.key)
        if signature:
            message = ResultOpenedNotice(opened=statement, signature=signature)
            await self.transport.request("POST", f"/files/{file}/opened", encode(message))

    async def remove(self, signed: SignedRemoval) -> int:
        """Have the node remove a file that an account stored; return how many other clients keep it there.

        Raises NotFound for a file that is not stored there, CallRefused with the number of the failed check.
        """
        path = f"/files/{signed.removal.file_sha256}/removal"
        return (await call(self.transport, "POST", path, signed, RemovalAnswer)).kept_for

    async def seconds(self) -> int:
        """Return the node's Unix time."""
        return (await call(self.transport, "GET", "/clock", None, NodeClock)).seconds

    async def append(self, upload: str, piece: bytes, offset: int) -> None:
        """Append one piece of at most PIECE_BYTES at the offset that was reached; a repetition changes nothing."""
        await self.transport.request("PATCH", f"/uploads/{upload}/{offset}", piece)

    async def finish(self, upload: str) -> StoredFileInfo:
        """Finish an upload; the node stores the file under its digest."""
        return await call(self.transport, "POST", f"/uploads/{upload}/end", None, StoredFileInfo)

    async def put(self, content: bytes) -> StoredFileInfo:
        """Store a file that fits in memory."""
        upload = await self.begin(len(content))
        for start in range(0, len(content), PIECE_BYTES):
            await self.append(upload, content[start : start + PIECE_BYTES], start)
        return await self.finish(upload)

    async def head(self, sha256: Digest) -> StoredFileInfo:
        """Return a file's size; raise NotFound."""
        return await call(self.transport, "GET", f"/files/{sha256}", None, StoredFileInfo)

    async def read_by_cid(self, cid: str, limit: int = MAX_MESSAGE_BYTES) -> bytes:
        """Return a small file by its CID, unverified; raise NotFound, or FileTooLarge above ``limit`` bytes."""
        too_large = FileTooLarge(f"the file {cid} is larger than the limit of {limit} bytes.")
        try:
            content = await self.transport.request("GET", f"/ipfs/{cid}")
        except AnswerTooLarge as error:
            raise too_large from error
        if len(content) > limit:
            raise too_large
        return content

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return one piece of a file, unverified."""
        piece = await self.transport.request("GET", f"/files/{sha256}/{offset}/{length}")
        if len(piece) > length:
            raise ServiceUnavailable("the storage node answered more bytes than requested.")
        return piece
