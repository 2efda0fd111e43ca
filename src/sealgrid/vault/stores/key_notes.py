"""What receipts proved about dataset keys: which opened their files (7.23) and which did not (7.22).

A key is identified by the EIP-712 digest of its KeyRecord, so another deposit of the same dataset is another key.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Table, select

from sealgrid.attestation.facts import Facts
from sealgrid.receipts.receipt import ReceiptBody
from sealgrid.units import Digest, TaskId
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.prepared_statements import PreparedStatement, insert_or_ignore, param
from sealgrid.vault.stores.schema import opened_keys, unopened_keys
from sealgrid.vault.stores.share_store import StoredVersion


@dataclass(frozen=True, slots=True)
class KeyNote:
    """The first receipt that proved something about one version of a key."""

    task: TaskId  #: of the receipt
    noted: int  #: Unix seconds of the chain


class KeyNotes:
    """One table of notes about keys."""

    def __init__(self, database: VaultDatabase, table: Table) -> None:
        self._database = database
        self._find = PreparedStatement(select(table).where(table.c.record_digest == param("record_digest")))
        self._insert = PreparedStatement(insert_or_ignore(table))

    def find(self, record: Digest) -> KeyNote | None:
        """Return the note about a key, or None."""
        with self._database.reading() as connection:
            row = self._find.run(connection, record_digest=record).one_or_none()
        return None if row is None else KeyNote(TaskId(row.task), row.noted)

    def note(self, record: Digest, task: TaskId, at: int) -> None:
        """Note what a task's receipt proved about a key; an earlier note stays."""
        with self._database.transaction() as connection:
            self._insert.run(connection, record_digest=record, task=task, noted=at)


class UnopenedKeys(KeyNotes):
    """Keys that did not open their files; the vault releases none of them again."""

    def __init__(self, database: VaultDatabase) -> None:
        super().__init__(database, unopened_keys)


class OpenedKeys(KeyNotes):
    """Keys that opened their files, so requesters other than the owner may use them."""

    def __init__(self, database: VaultDatabase) -> None:
        super().__init__(database, opened_keys)

    def unproved_since(self, versions: Iterable[StoredVersion]) -> int | None:
        """Return since when no version in force was proved to open, or None if the newest version was.

        ``versions`` are those of one owner's key, oldest first. 0 if none was ever proved; else the chain's Unix
        seconds. A deal from before that time was made while a proved version was in force.
        """
        since: int | None = 0
        for version in versions:
            if self.find(version.record_digest) is not None:
                since = None
            elif since is None:
                since = version.received
        return since


def unopened_record(body: ReceiptBody, facts: Facts) -> Digest | None:
    """Return the record of the dataset key that a checked receipt proves not to open its file, or None."""
    return _dataset_record(facts) if body.exit_class == "unopened" else None


def opened_record(body: ReceiptBody, facts: Facts) -> Digest | None:
    """Return the record of the dataset key that a checked receipt proves to open its file, or None."""
    return _dataset_record(facts) if body.opened is True else None


def _dataset_record(facts: Facts) -> Digest | None:
    dataset = facts.dataset
    if dataset is None:
        return None
    return next(each.record for each in facts.secrets if each.file_sha256 == dataset.checksum)
