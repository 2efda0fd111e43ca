"""Private files of purchased bags: which tasks compute which shards. A crash of the client loses no purchase."""

from pathlib import Path
from typing import Literal

import msgspec

from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, InputRefused, NotFound
from sealgrid.sdk.stores.private_files import write_private
from sealgrid.units import Address, Digest, to_digest

Document = dict[str, str]


class DealRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deal of a purchase: the owners' orders and the number of its tasks as it was planned."""

    orders: tuple[Document, Document, Document]  #: app, dataset, workerpool
    tasks: int


class BagPurchase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signed request for some shards of a bag, in one deal or several; task n computes ``shards[n]``."""

    shards: tuple[int, ...]
    request: Document
    deals: tuple[DealRecord, ...]
    result_key: str  #: 32 bytes of X25519, hex: secret

    def __repr__(self) -> str:
        return f"BagPurchase({len(self.shards)} shards)"


class BagRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file ``<id>.json``, mode 0600."""

    schema: Literal["sealgrid/bag/1"] = "sealgrid/bag/1"
    id: str
    genesis: Digest  #: of the chain that knows the tasks
    hub: Address
    account: Address
    created: int  #: Unix seconds of this machine
    content: str  #: digest of app, model and inputs, to recognise the same bag
    names: tuple[str, ...]  #: of the shards
    purchases: tuple[BagPurchase, ...]  #: the first has all shards, later ones those that were bought again


class BagStore:
    """The folder of these files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, bag: str) -> Path:
        """Return the path of a bag's file."""
        return self.folder / f"{bag}.json"

    def store(self, record: BagRecord, *, new: bool = False) -> None:
        """Write a record durably and atomically; raise InputRefused when that fails.

        A ``new`` record must not be there: of two processes that buy the same bag at the same time one does.
        """
        try:
            write_private(self.path(record.id), msgspec.json.encode(record), replace=not new)
        except OSError as error:
            if new and self.path(record.id).exists():
                raise InputRefused(
                    f"another process has just bought bag {record.id}; repeat the purchase with its key to open it."
                ) from error
            raise InputRefused(
                f"the bag cannot be recorded in {self.folder} ({error.strerror}); nothing was bought for it."
            ) from error

    def remove(self, bag: str) -> None:
        """Remove the file of a bag of which nothing was bought."""
        self.path(bag).unlink(missing_ok=True)

    def find(self, bag: str) -> BagRecord | None:
        """Return the record of a bag, or None; raise InputRefused for a file that cannot be read."""
        path = self.path(bag)
        return _read(path) if path.exists() else None

    def all(self) -> tuple[BagRecord, ...]:
        """Return all records, newest first; raise InputRefused for a file that cannot be read."""
        return tuple(sorted(map(_read, self.folder.glob("*.json")), key=lambda each: each.created, reverse=True))

    def read(self, bag: str) -> BagRecord:
        """Return the record of a bag; raise NotFound when this folder has none."""
        is_id = len(bag) == ID_DIGITS and set(bag) <= set("0123456789abcdef")
        if not is_id or (record := self.find(bag)) is None:
            raise NotFound(f"{self.folder} has no bag {bag[:80]!r}.", money="")
        return record


def _read(path: Path) -> BagRecord:
    try:
        return msgspec.json.decode(path.read_bytes(), type=BagRecord)
    except (OSError, *DECODE_ERRORS) as error:
        raise InputRefused(f"{path} is not a valid bag file; restore it from your backup.", money="") from error


ID_DIGITS = 16


def bag_id(genesis: Digest, account: Address, key: str) -> str:
    """Return the id of the bag that an account buys with this idempotency key on this chain."""
    return to_digest(sha256(msgspec.json.encode([genesis, account, key])))[2 : 2 + ID_DIGITS]
