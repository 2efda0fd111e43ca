"""The transactions of the API: one durable, private file each, written before anything is bought for it.

The id of a transaction with an idempotency key is derived from it, so its file name exists once: a repeated request,
and a request after a crash, finds the first one's transaction.
"""

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, InputRefused
from sealgrid.sdk.stores.private_files import write_private

TransactionState = Literal["initiating", "bought", "delivered", "failed"]


class TransactionRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file ``<id>.json``; ``<id>.readings`` exists until they are bought, ``<id>.result`` once delivered."""

    schema: Literal["sealgrid/ados-transaction/1"] = "sealgrid/ados-transaction/1"
    id: str
    key: str  #: name of the API key
    request: str  #: digest of the request
    app: str  #: address, like ``model``
    model: str
    arguments: tuple[str, ...]
    created: int  #: Unix seconds, like ``updated``
    updated: int
    price: int  #: nRLC: what it may cost before it is bought, then what it costs; 0 once nothing of it is due
    state: TransactionState = "initiating"
    bag: str = ""
    task: str = ""
    error: str = ""


def transaction_id(key: str, idempotency_key: str | None) -> str:
    """Return the id of a transaction of an API key: the same for the same idempotency key, else a random one."""
    given = secrets.token_bytes(32) if idempotency_key is None else idempotency_key.encode()
    return sha256(msgspec.json.encode([key, given.hex()])).hex()[:32]


class TransactionStore:
    """The folder of these files, and all records in memory. One process has a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._records = {record.id: record for record in map(_read, folder.glob("*.json"))}

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder; raise InputRefused while another process holds it."""
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InputRefused(f"another process serves {self._folder}; stop it first.") from error
            yield
        finally:
            os.close(descriptor)

    def find(self, transaction: str) -> TransactionRecord | None:
        """Return a transaction, None for an unknown id."""
        return self._records.get(transaction)

    def of_key(self, key: str) -> tuple[TransactionRecord, ...]:
        """Return the transactions of an API key, oldest first."""
        return tuple(
            sorted((each for each in self._records.values() if each.key == key), key=lambda each: each.created)
        )

    def unfinished(self) -> Iterable[TransactionRecord]:
        """Return the transactions that have no end yet, oldest first."""
        found = [each for each in self._records.values() if each.state in {"initiating", "bought"}]
        return sorted(found, key=lambda each: each.created)

    def spent(self, key: str) -> int:
        """Return what the transactions of an API key cost or may cost, in nRLC."""
        return sum(each.price for each in self._records.values() if each.key == key)

    def create(self, record: TransactionRecord, readings: bytes) -> None:
        """Store a new transaction with its readings."""
        _write(self._path(record, "readings"), readings)
        self.update(record)

    def update(self, record: TransactionRecord) -> None:
        """Store a transaction's new state; its readings are removed once they were bought."""
        _write(self._folder / f"{record.id}.json", msgspec.json.encode(record))
        self._records[record.id] = record
        if record.state != "initiating":
            self._path(record, "readings").unlink(missing_ok=True)

    def readings(self, record: TransactionRecord) -> bytes:
        """Return the readings of a transaction that bought nothing yet."""
        return self._read_file(record, "readings")

    def store_result(self, record: TransactionRecord, content: bytes) -> None:
        """Store the answer of a transaction."""
        _write(self._path(record, "result"), content)

    def result(self, record: TransactionRecord) -> bytes:
        """Return the answer of a delivered transaction."""
        return self._read_file(record, "result")

    def _read_file(self, record: TransactionRecord, kind: str) -> bytes:
        try:
            return self._path(record, kind).read_bytes()
        except OSError as error:
            raise InputRefused(f"{self._path(record, kind)} cannot be read ({error.strerror}).") from error

    def _path(self, record: TransactionRecord, kind: str) -> Path:
        return self._folder / f"{record.id}.{kind}"


def _read(path: Path) -> TransactionRecord:
    try:
        return msgspec.json.decode(path.read_bytes(), type=TransactionRecord)
    except (OSError, *DECODE_ERRORS) as error:
        raise InputRefused(f"{path} is no valid transaction; restore it from your backup.") from error


def _write(path: Path, content: bytes) -> None:
    try:
        write_private(path, content)
    except OSError as error:
        raise InputRefused(f"{path} cannot be written ({error.strerror}).") from error
