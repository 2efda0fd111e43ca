"""The transactions of the API: one durable, private file each, written before anything is bought for it.

The id of a transaction with an idempotency key is derived from it, so its file name exists once: a repeated request,
and a request after a crash, finds the first one's transaction.
"""

import logging
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Self, TypeVar

import msgspec

from sealgrid.ados.folder_lock import hold_folder
from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, InputRefused, QuotaReached, ServiceUnavailable
from sealgrid.sdk.stores.private_files import write_private

_log = logging.getLogger("sealgrid")
S = TypeVar("S", bound=msgspec.Struct)
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

    @property
    def has_ended(self) -> bool:
        """Return whether nothing more happens to it."""
        return self.state in {"delivered", "failed"}


class TransactionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many transactions a store keeps. What an older one cost still counts."""

    seconds: int = 30 * 86_400  #: for which a transaction is kept after its end
    ended: int = 10_000  #: of one API key, the newest
    unfinished: int = 200  #: of one API key at one time


class _ExpiredTransactions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file ``expired.costs``, written before the files of the last ``removed`` transactions are removed."""

    spent: dict[str, int] = {}  #: nRLC of all removed ones, by API key
    removed: tuple[str, ...] = ()


def transaction_id(key: str, idempotency_key: str | None) -> str:
    """Return the id of a transaction of an API key: the same for the same idempotency key, else a random one."""
    given = secrets.token_bytes(32) if idempotency_key is None else idempotency_key.encode()
    return sha256(msgspec.json.encode([key, given.hex()])).hex()[:32]


class TransactionStore:
    """The folder of these files, and all records in memory. One process has a folder.

    Methods raise ServiceUnavailable, without a path, while the disk is full or does not answer: nothing is lost.
    """

    def __init__(self, folder: Path, limits: TransactionLimits | None = None) -> None:
        """Read the records of a folder that this process holds; raise InputRefused for a damaged one."""
        self._folder, self._limits = folder, limits or TransactionLimits()
        expired = folder / "expired.costs"
        self._expired = _read(expired, _ExpiredTransactions) if expired.exists() else _ExpiredTransactions()
        found = [_read(path, TransactionRecord) for path in folder.glob("*.json")]
        self._records = {record.id: record for record in found}
        self._remove_expired()

    @classmethod
    @contextmanager
    def hold(cls, folder: Path, limits: TransactionLimits | None = None) -> Iterator[Self]:
        """Hold a folder, then read its records: no other process changes them any more.

        Raises InputRefused while another process holds it.
        """
        with hold_folder(folder, f"another process serves {folder}; stop it first."):
            yield cls(folder, limits)

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
        found = [each for each in self._records.values() if not each.has_ended]
        return sorted(found, key=lambda each: each.created)

    def spent(self, key: str) -> int:
        """Return what the transactions of an API key cost or may cost, in nRLC, those that are not kept included."""
        return self._expired.spent.get(key, 0) + sum(each.price for each in self._records.values() if each.key == key)

    def create(self, record: TransactionRecord, readings: bytes) -> None:
        """Store a new transaction with its readings, or neither; remove those that are not kept any more.

        Raises QuotaReached for an API key that has too many without an end.
        """
        self._expire(record.created)
        if sum(each.key == record.key for each in self.unfinished()) >= self._limits.unfinished:
            raise QuotaReached(
                f"your key has {self._limits.unfinished} transactions without an end; send this one after one of them."
            )
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

    def _expire(self, now: int) -> None:
        """Remove the ended transactions that are too old, or too many of one API key. Their cost is stored first."""
        self._remove_expired()
        by_key: defaultdict[str, list[TransactionRecord]] = defaultdict(list)
        for record in sorted(self._records.values(), key=lambda each: -each.updated):
            if record.has_ended:
                by_key[record.key].append(record)
        gone = [
            record
            for ended in by_key.values()
            for place, record in enumerate(ended)
            if place >= self._limits.ended or record.updated < now - self._limits.seconds
        ]
        if not gone:
            return
        spent = Counter(self._expired.spent)
        for record in gone:
            spent[record.key] += record.price
        expired = _ExpiredTransactions(spent=dict(spent), removed=tuple(record.id for record in gone))
        _write(self._folder / "expired.costs", msgspec.json.encode(expired))
        self._expired = expired
        self._remove_expired()

    def _remove_expired(self) -> None:
        for name in self._expired.removed:
            path = self._folder / f"{name}.json"
            with suppress(OSError):
                path.with_suffix(".result").unlink()
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise _unavailable(path, error) from error
            self._records.pop(name, None)

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


def _read(path: Path, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
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
