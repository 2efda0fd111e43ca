"""A vault's append-only log in its database: one row per entry, with the tree's nodes that the entry completed.

Appending writes one row and reads none, however long the log is: what it needs of the tree is in memory. Any proof
reads a number of rows that grows with the logarithm of the log's size (``crypto/merkle.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, Table, Text, func, insert, select

from sealgrid.attestation.vault_log import LogEntry
from sealgrid.crypto import merkle
from sealgrid.crypto.merkle import HASH_BYTES, MerkleFrontier, NodeAt
from sealgrid.errors import InputRefused
from sealgrid.units import Address
from sealgrid.vault.stores.database import VaultDatabase, metadata
from sealgrid.vault.stores.prepared_statements import PreparedStatement, given
from sealgrid.wire.log import MOST_ENTRIES, LoggedEntry

entries = Table(
    "log",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("entry", LargeBinary, nullable=False),
    Column("nodes", LargeBinary, nullable=False),  # hashes, from level 0 upwards
    Column("asset", Text, nullable=False),
    Index("log_by_asset", "asset", "position"),
)

_APPEND = PreparedStatement(insert(entries).values({column.name: given(column.name) for column in entries.columns}))
_NODES = PreparedStatement(select(entries.c.nodes).where(entries.c.position == given("at")))


@dataclass(frozen=True, slots=True)
class AppendedEntry:
    """An entry at the end of the log, before or after it is written."""

    entry: LogEntry
    document: bytes
    frontier: MerkleFrontier  #: of the log with this entry as its last
    nodes: tuple[bytes, ...]
    path: tuple[bytes, ...]  #: of this entry in that log

    @property
    def proof(self) -> LoggedEntry:
        """Return the entry with its inclusion path."""
        return LoggedEntry(entry=self.document.decode(), index=self.frontier.size - 1, path=self.path)


class VaultLog:
    """One vault's log."""

    def __init__(self, store: VaultDatabase) -> None:
        self._store = store
        with store.reading() as connection:
            last = connection.scalar(select(func.max(entries.c.position)))
            self._frontier = merkle.load_frontier(0 if last is None else last + 1, _nodes_on(connection))

    @property
    def frontier(self) -> MerkleFrontier:
        """Return the whole log in short: its size and what its root follows from."""
        return self._frontier

    def next(self, entry: LogEntry, *, after: AppendedEntry | None = None) -> AppendedEntry:
        """Return the log's end as it will be with one more entry, behind ``after`` if given; nothing is written."""
        document, before = entry.encode(), self._frontier if after is None else after.frontier
        frontier, nodes = before.append(merkle.leaf_hash(document))
        return AppendedEntry(entry, document, frontier, nodes, before.next_inclusion_path())

    def append(self, *appended: AppendedEntry) -> None:
        """Write what ``next`` returned, in order; call it as the last thing of the transaction that it belongs to."""
        with self._store.transaction() as connection:
            for position, each in enumerate(appended, start=self._frontier.size):
                if each.frontier.size != position + 1:
                    raise ValueError("the log has grown since this entry was made")
                nodes = b"".join(each.nodes)
                _APPEND.on(connection, position=position, entry=each.document, nodes=nodes, asset=each.entry.asset)
        self._frontier = appended[-1].frontier

    def page(self, first: int, asset: Address | None = None) -> list[LoggedEntry]:
        """Return up to MOST_ENTRIES entries from an index on, of one asset only if one is named, proved as of now."""
        query = select(entries.c.position, entries.c.entry).where(entries.c.position >= first)
        if asset is not None:
            query = query.where(entries.c.asset == asset)
        with self._store.reading() as connection:
            rows = connection.execute(query.order_by(entries.c.position).limit(MOST_ENTRIES)).all()
            node = _nodes_on(connection)
            return [
                LoggedEntry(entry=entry.decode(), index=at, path=merkle.inclusion_path(at, self._frontier.size, node))
                for at, entry in rows
            ]

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """Return an entry's path in the tree of the first ``size`` entries."""
        self._expect(size)
        if not 0 <= index < size:
            raise InputRefused(f"a log of {size} entries has no entry {index}.")
        with self._store.reading() as connection:
            return merkle.inclusion_path(index, size, _nodes_on(connection))

    def consistency(self, first: int, second: int) -> Sequence[bytes]:
        """Return the path that proves the first ``first`` entries to be the beginning of the first ``second``."""
        self._expect(second)
        if not 0 <= first <= second:
            raise InputRefused(f"a log of {second} entries has no earlier state of {first}.")
        with self._store.reading() as connection:
            return merkle.consistency_path(first, second, _nodes_on(connection))

    def _expect(self, size: int) -> None:
        if size > self._frontier.size:
            raise InputRefused(f"this log has {self._frontier.size} entries, not {size}.")


def _nodes_on(connection: Connection) -> NodeAt:
    """Return how to read complete nodes; what one proof has read, the next need not."""

    @cache
    def row(position: int) -> bytes:
        return bytes(_NODES.on(connection, at=position).scalar_one())

    def node(level: int, index: int) -> bytes:
        hashes = row(((index + 1) << level) - 1)
        return hashes[level * HASH_BYTES : (level + 1) * HASH_BYTES]

    return node
