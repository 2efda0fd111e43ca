"""What receipts proved about keys, by the EIP-712 digest of their KeyRecord: another deposit is another key."""

from dataclasses import dataclass

from sqlalchemy import Column, Integer, Table, Text, select
from sqlalchemy.dialects.sqlite import insert as upsert

from sealgrid.attestation.facts import Facts
from sealgrid.units import Digest, TaskId
from sealgrid.vault.stores.database import VaultDatabase, metadata
from sealgrid.vault.stores.prepared_statements import PreparedStatement, given


def _table(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("record_digest", Text, primary_key=True),
        Column("task", Text, nullable=False),  # whose receipt proved it
        Column("noted", Integer, nullable=False),  # the chain's time
    )


UNOPENED, OPENED = _table("unopened_keys"), _table("opened_keys")


@dataclass(frozen=True, slots=True)
class KeyNote:
    """What a receipt proved about one version of a key."""

    task: TaskId  #: of the first receipt that proved it
    noted: int  #: Unix seconds of the chain


class KeyNotes:
    """One kind of what receipts proved about keys."""

    def __init__(self, store: VaultDatabase, notes: Table) -> None:
        self._store = store
        self._find = PreparedStatement(select(notes).where(notes.c.record_digest == given("record_digest")))
        self._note = PreparedStatement(
            upsert(notes).values({column.name: given(column.name) for column in notes.columns}).on_conflict_do_nothing()
        )

    def find(self, record: Digest) -> KeyNote | None:
        """Return what was proved about a key, None for one of which nothing was."""
        with self._store.reading() as connection:
            row = self._find.on(connection, record_digest=record).one_or_none()
        return None if row is None else KeyNote(TaskId(row.task), row.noted)

    def note(self, record: Digest, task: TaskId, at: int) -> None:
        """Remember what a task's receipt proved about a key; the first task that proved it stays."""
        with self._store.transaction() as connection:
            self._note.on(connection, record_digest=record, task=task, noted=at)


def record_of_dataset(facts: Facts) -> Digest | None:
    """Return the record of the key that vaults released for the deal's dataset; None without a dataset."""
    dataset = facts.dataset
    if dataset is None:
        return None
    return next(each.record for each in facts.secrets if each.file_sha256 == dataset.checksum)
