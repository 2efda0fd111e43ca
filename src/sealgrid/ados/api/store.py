"""The transactions of the API: one durable, private file each, written before anything is bought for it.

The id of a transaction with an idempotency key is derived from it, so its file name exists once: a repeated request,
and a request after a crash, finds the first one's transaction.
"""

import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Self

import msgspec

from sealgrid.ados.folder_lock import hold_folder
from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, InputRefused, ServiceUnavailable
from sealgrid.sdk.stores.private_files import write_private

_log = logging.getLogger("sealgrid")
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
    """The folder of these files, and all records in memory. One process has a folder.

    Methods raise ServiceUnavailable, without a path, while the disk is full or does not answer: nothing is lost.
    """

    def __init__(self, folder: Path) -> None:
        """Read the records of a folder that this process holds; raise InputRefused for a damaged one."""
        self._folder = folder
        self._records = {record.id: record for record in map(_read, folder.glob("*.json"))}

    @classmethod
    @contextmanager
    def hold(cls, folder: Path) -> Iterator[Self]:
        """Hold a folder, then read its records: no other process changes them any more.

        Raises InputRefused while another process holds it.
        """
        with hold_folder(folder, f"another process serves {folder}; stop it first."):
            yield cls(folder)

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
        """Store a new transaction with its readings, or neither."""
        try:
            _write(self._path(record, "readings"), readings)
            self.update(record)
        except ServiceUnavailable:
            self._remove_readings(record)
            raise

    def update(self, record: TransactionRecord) -> None:
        """Store a transaction's new state; its readings are removed once they were bought."""
        _write(self._folder / f"{record.id}.json", msgspec.json.encode(record))
        self._records[record.id] = record
        if record.state != "initiating":
            self._remove_readings(record)

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
        path = self._path(record, kind)
        try:
            return path.read_bytes()
        except OSError as error:
            raise _unavailable(path, error) from error

    def _remove_readings(self, record: TransactionRecord) -> None:
        with suppress(OSError):  # they are of no further use
            self._path(record, "readings").unlink()

    def _path(self, record: TransactionRecord, kind: str) -> Path:
        return self._folder / f"{record.id}.{kind}"


def _read(path: Path) -> TransactionRecord:
    try:
        return msgspec.json.decode(path.read_bytes(), type=TransactionRecord)
    except (OSError, *DECODE_ERRORS) as error:
        raise InputRefused(f"{path} is not a valid transaction; restore it from your backup.") from error


def _write(path: Path, content: bytes) -> None:
    try:
        write_private(path, content)
    except OSError as error:
        raise _unavailable(path, error) from error


def _unavailable(path: Path, error: OSError) -> ServiceUnavailable:
    _log.error("%s cannot be read or written: %s", path, error.strerror)
    return ServiceUnavailable("this API cannot use its disk now; nothing is lost, try again later.")
