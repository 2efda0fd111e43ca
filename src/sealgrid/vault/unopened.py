"""Which datasets' keys did not open their files: a receipt proved it, and no later release gives such a key."""

from dataclasses import dataclass

from sqlalchemy import Column, Integer, Table, Text, select
from sqlalchemy.dialects.sqlite import insert as upsert

from sealgrid.attestation.facts import Facts
from sealgrid.receipts.receipt import Body
from sealgrid.units import Digest, TaskId
from sealgrid.vault.prepared import Prepared, given
from sealgrid.vault.store import Store, metadata

unopened_keys = Table(
    "unopened_keys",
    metadata,
    Column("record_digest", Text, primary_key=True),
    Column("task", Text, nullable=False),  # whose receipt proved it
    Column("noted", Integer, nullable=False),  # the chain's time
)

_FIND = Prepared(select(unopened_keys).where(unopened_keys.c.record_digest == given("record_digest")))
_NOTE = Prepared(
    upsert(unopened_keys)
    .values({column.name: given(column.name) for column in unopened_keys.columns})
    .on_conflict_do_nothing()
)


@dataclass(frozen=True, slots=True)
class UnopenedKey:
    """One version of a key that did not open its file."""

    task: TaskId  #: of the first receipt that proved it
    noted: int  #: Unix seconds of the chain


class UnopenedKeys:
    """Keys that did not open their files, by the EIP-712 digest of their KeyRecord: another deposit is another key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, record: Digest) -> UnopenedKey | None:
        """Return what is known about a key, None for one that nobody failed to open."""
        with self._store.reading() as connection:
            row = _FIND.on(connection, record_digest=record).one_or_none()
        return None if row is None else UnopenedKey(TaskId(row.task), row.noted)

    def note(self, record: Digest, task: TaskId, at: int) -> None:
        """Remember that a key did not open its file; the first task that proved it stays."""
        with self._store.transaction() as connection:
            _NOTE.on(connection, record_digest=record, task=task, noted=at)


def unopened_record(body: Body, facts: Facts) -> Digest | None:
    """Return the record of the key that a checked receipt says did not open its dataset; None for any other receipt."""
    dataset = facts.dataset
    if body.exit_class != "unopened" or dataset is None:
        return None
    return next(each.record for each in facts.secrets if each.file_sha256 == dataset.checksum)
