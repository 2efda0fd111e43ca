"""What a storage node knows of its clients, its limits, and who has it keep which file."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from sealgrid.errors import QuotaReached, StoreFull
from sealgrid.units import Address, Digest

DAY: Final = 86_400.0

Counts = tuple[int, int, int]  #: bytes of disk, files (finished or not), open uploads
UPLOADS: Final = 2  #: index of open uploads


class ClientKind(IntEnum):
    """What a client is to the node; each kind has what the kinds below it have, and more."""

    ADDRESS = 0  #: a network address without a valid ticket
    ACCOUNT = 1  #: an account with a balance in PoCo's escrow, or a service that the operator named
    RESULT = 2  #: a pool that stores the results of a paid task


@dataclass(frozen=True, slots=True)
class StorageClientId:
    """Who stores a file."""

    kind: ClientKind
    name: str
    quota: Counts


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """Sizes in bytes of disk, times in seconds."""

    bytes: int  #: of all files and uploads
    files: int
    uploads: int  #: open at one time
    address_share: float = 0.125  #: of bytes and files, for clients without a ticket together
    address_uploads: float = 0.5  #: of open uploads, for them
    result_reserve: float = 0.125  #: of all three, for results alone
    stalled: float = 10.0  #: an upload that is silent for so long may be dropped for another one
    slowest: int = 1024  #: bytes a second; an upload that is slower over a minute may be dropped too
    silence: float = 600.0  #: an upload that is silent for so long is dropped
    young: float = 600.0  #: a new file is not evicted before the chain had this time to name it
    address_seconds: float = DAY
    account_seconds: float = 365 * DAY  #: since a file was last read
    result_seconds: float = 30 * DAY  #: until the requester opens it
    opened_seconds: float = 7 * DAY  #: after the requester opened it

    def cap(self, kind: ClientKind) -> Counts:
        """Return how much the clients of this kind and of those below it may use together."""
        match kind:
            case ClientKind.ADDRESS:
                share, uploads = self.address_share, self.address_uploads
            case ClientKind.ACCOUNT:
                share = uploads = 1 - self.result_reserve
            case ClientKind.RESULT:
                share = uploads = 1.0
        return int(self.bytes * share), int(self.files * share), int(self.uploads * uploads)


@dataclass(frozen=True, slots=True)
class FileHold:
    """That one client has the node keep one file."""

    file: Digest
    client: str
    kind: ClientKind
    size: int  #: bytes of disk
    stored: float
    until: float  #: when it expires, unless the chain names the file
    pinned: float = 0.0  #: it is not evicted before
    reader: Address | None = None  #: who may say that it was opened


@dataclass(frozen=True, slots=True)
class RecordHold:
    """Record a hold, in place of the client's earlier one on this file."""

    hold: FileHold


@dataclass(frozen=True, slots=True)
class RemoveHold:
    """Remove a hold from the records."""

    file: Digest
    client: str


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove a file; nobody holds it any more."""

    file: Digest


@dataclass(frozen=True, slots=True)
class DropUpload:
    """Discard an unfinished upload."""

    upload: str


@dataclass(frozen=True, slots=True)
class RecordChainReference:
    """Record that the chain names a file."""

    file: Digest


Effect = RecordHold | RecordChainReference | RemoveHold | RemoveFile | DropUpload


def quota_reached(client: StorageClientId, index: int) -> QuotaReached:
    """Return what a client is told whose own count of this index is used up."""
    what = ("bytes of disk", "files", "open uploads")[index]
    first = "finish one" if index == UPLOADS else "wait until files expire"
    then = {
        ClientKind.ADDRESS: "deposit RLC into PoCo's escrow and upload as that account",
        ClientKind.ACCOUNT: "deposit more RLC into PoCo's escrow",
        ClientKind.RESULT: "have requesters open their results",
    }[client.kind]
    return QuotaReached(f"this client has {client.quota[index]} {what} here and may have no more; {first}, or {then}.")


def store_full(kind: ClientKind, index: int) -> StoreFull:
    """Return what clients of a kind are told whose share of this count is used up."""
    what = ("room", "room for more files", "place for another upload")[index]
    whom = ("clients without a ticket", "accounts", "results")[kind]
    wait = "in a minute" if index == UPLOADS else "in an hour"
    return StoreFull(f"this store is full: it has no {what} for {whom}; try again {wait}, or use another node.")
