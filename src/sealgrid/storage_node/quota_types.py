"""Types of the storage quotas: clients, limits, holds (one client stores one file), effects."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from sealgrid.errors import QuotaReached, StoreFull
from sealgrid.units import Address, Digest

DAY: Final = 86_400.0

Counts = tuple[int, int, int]  #: bytes of disk, files (finished or not), open uploads
UPLOADS: Final = 2  #: index of open uploads


class ClientKind(IntEnum):
    """Kinds of clients, in ascending order of their share."""

    ADDRESS = 0  #: a network address without a valid ticket
    ACCOUNT = 1  #: an account with a balance in PoCo's escrow, or a service that the operator named
    RESULT = 2  #: a pool that stores the results of a paid task


@dataclass(frozen=True, slots=True)
class StorageClientId:
    """A client with its quota."""

    kind: ClientKind
    name: str
    quota: Counts


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """Sizes in bytes of disk, times in seconds."""

    bytes: int  #: of all files and uploads
    files: int
    uploads: int  #: open at one time
    address_share: float = 0.125  #: of bytes and files, for all clients without a ticket
    address_uploads: float = 0.5  #: of open uploads, for all clients without a ticket
    result_reserve: float = 0.125  #: of all three, reserved for results
    stall_seconds: float = 10.0  #: a silent upload may be dropped for another one after this time
    min_rate: int = 1024  #: bytes per second; a slower upload may be dropped after a minute
    silence_seconds: float = 600.0  #: a silent upload is dropped after this time
    min_age_seconds: float = 600.0  #: a new file is not evicted earlier: its asset on the chain may name it later
    address_seconds: float = DAY
    account_seconds: float = 365 * DAY  #: since a file was last read
    result_seconds: float = 30 * DAY  #: until the requester opens it
    opened_seconds: float = 7 * DAY  #: after the requester opened it

    def cap(self, kind: ClientKind) -> Counts:
        """Return the total that clients of this kind and of lower kinds may use."""
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
    """One client's claim on one stored file."""

    file: Digest
    client: str
    kind: ClientKind
    size: int  #: bytes of disk
    stored: float
    until: float  #: expiry, unless an asset on the chain names the file
    pinned: float = 0.0  #: not evicted before this time
    #: that may report a result as opened, or have another file removed; None for an upload that no account signed
    account: Address | None = None


@dataclass(frozen=True, slots=True)
class RecordHold:
    """Store a hold; replaces the client's earlier hold on this file."""

    hold: FileHold


@dataclass(frozen=True, slots=True)
class RemoveHold:
    """Delete a hold."""

    file: Digest
    client: str


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Delete a file without holds."""

    file: Digest


@dataclass(frozen=True, slots=True)
class DropUpload:
    """Discard an unfinished upload."""

    upload: str


@dataclass(frozen=True, slots=True)
class RecordChainReference:
    """Store that an asset on the chain names a file."""

    file: Digest


@dataclass(frozen=True, slots=True)
class RecordRemoval:
    """Store that a file was removed at its account's request, until somebody stores it again."""

    file: Digest


Effect = RecordHold | RecordChainReference | RecordRemoval | RemoveHold | RemoveFile | DropUpload


def quota_reached(client: StorageClientId, index: int) -> QuotaReached:
    """Return the error of a client that has used its quota of this count."""
    counted = ("bytes of disk", "files", "open uploads")[index]
    first = "finish one" if index == UPLOADS else "wait until files expire"
    then = {
        ClientKind.ADDRESS: "deposit RLC into PoCo's escrow and upload as that account",
        ClientKind.ACCOUNT: "deposit more RLC into PoCo's escrow",
        ClientKind.RESULT: "have requesters open their results",
    }[client.kind]
    return QuotaReached(
        f"this client has {client.quota[index]} {counted} here and may have no more; {first}, or {then}."
    )


def store_full(kind: ClientKind, index: int) -> StoreFull:
    """Return the error of clients whose kind has used its share of this count."""
    room = ("room", "room for more files", "room for another upload")[index]
    clients = ("clients without a ticket", "accounts", "results")[kind]
    wait = "in a minute" if index == UPLOADS else "in an hour"
    return StoreFull(f"this store is full: it has no {room} for {clients}; try again {wait}, or use another node.")
