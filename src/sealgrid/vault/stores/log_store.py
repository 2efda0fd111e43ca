"""A vault's append-only log (RFC 9162 Merkle tree): one row per entry, with the tree nodes that the entry completed.

Appending writes one row and reads none, because the frontier of the tree is in memory. A proof reads O(log n) rows
(``crypto/merkle.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, func, insert, select

from sealgrid.attestation.vault_log import LogEntry
from sealgrid.crypto import merkle
from sealgrid.crypto.merkle import HASH_BYTES, MerkleFrontier, NodeAt
from sealgrid.errors import InputRefused
from sealgrid.units import Address
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.prepared_statements import PreparedStatement, param, row_params
from sealgrid.vault.stores.schema import log_entries
from sealgrid.wire.log import MAX_ENTRIES, LoggedEntry

_APPEND = PreparedStatement(insert(log_entries).values(row_params(log_entries)))
_NODES = PreparedStatement(select(log_entries.c.nodes).where(log_entries.c.position == param("at")))


@dataclass(frozen=True, slots=True)
class AppendedEntry:
    """The next entry of the log with its proof; not yet written."""

    entry: LogEntry
    document: bytes
    frontier: MerkleFrontier  #: of the log that ends with this entry
    nodes: tuple[bytes, ...]
    path: tuple[bytes, ...]  #: inclusion path of this entry in that log

    @property
    def proof(self) -> LoggedEntry:
        """Return the entry with its inclusion path."""
        return LoggedEntry(entry=self.document.decode(), index=self.frontier.size - 1, path=self.path)


class VaultLog:
    """One vault's log."""

    def __init__(self, database: VaultDatabase) -> None:
        self._database = database
        with database.reading() as connection:
            last = connection.scalar(select(func.max(log_entries.c.position)))
            self._frontier = merkle.load_frontier(0 if last is None else last + 1, _node_reader(connection))

    @property
    def frontier(self) -> MerkleFrontier:
        """Return the size of the log and the subtree hashes from which its root follows."""
        return self._frontier

    def prepare(self, entry: LogEntry, *, after: AppendedEntry | None = None) -> AppendedEntry:
        """Return ``entry`` as the next one of the log, or as the next one after ``after``; write nothing."""
        document, before = entry.encode(), self._frontier if after is None else after.frontier
        frontier, nodes = before.append(merkle.leaf_hash(document))
        return AppendedEntry(entry, document, frontier, nodes, before.next_inclusion_path())

    def append(self, *appended: AppendedEntry) -> None:
        """Write prepared entries, in order. Call it as the last step of the enclosing transaction."""
        with self._database.transaction() as connection:
            for position, each in enumerate(appended, start=self._frontier.size):
                if each.frontier.size != position + 1:
                    raise ValueError("the log has grown since this entry was made")
                nodes = b"".join(each.nodes)
                _APPEND.run(connection, position=position, entry=each.document, nodes=nodes, asset=each.entry.asset)
        self._frontier = appended[-1].frontier

    def page(self, first: int, asset: Address | None = None) -> list[LoggedEntry]:
        """Return up to MAX_ENTRIES entries from index ``first`` on, optionally of one asset, with current proofs."""
        query = select(log_entries.c.position, log_entries.c.entry).where(log_entries.c.position >= first)
        if asset is not None:
            query = query.where(log_entries.c.asset == asset)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(log_entries.c.position).limit(MAX_ENTRIES)).all()
            node = _node_reader(connection)
            return [
                LoggedEntry(entry=entry.decode(), index=at, path=merkle.inclusion_path(at, self._frontier.size, node))
                for at, entry in rows
            ]

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """Return the inclusion path of an entry in the tree of the first ``size`` entries."""
        self._check_size(size)
        if not 0 <= index < size:
            raise InputRefused(f"a log of {size} entries has no entry {index}.")
        with self._database.reading() as connection:
            return merkle.inclusion_path(index, size, _node_reader(connection))

    def consistency(self, first: int, second: int) -> Sequence[bytes]:
        """Return the consistency path from the tree of ``first`` entries to that of ``second``."""
        self._check_size(second)
        if not 0 <= first <= second:
            raise InputRefused(f"a log of {second} entries has no earlier state of {first}.")
        with self._database.reading() as connection:
            return merkle.consistency_path(first, second, _node_reader(connection))

    def _check_size(self, size: int) -> None:
        if size > self._frontier.size:
            raise InputRefused(f"this log has {self._frontier.size} entries, not {size}.")


def _node_reader(connection: Connection) -> NodeAt:
    """Return a function that reads complete tree nodes and caches the rows it read."""

    @cache
    def row(position: int) -> bytes:
        return bytes(_NODES.run(connection, at=position).scalar_one())

    def node(level: int, index: int) -> bytes:
        hashes = row(((index + 1) << level) - 1)
        return hashes[level * HASH_BYTES : (level + 1) * HASH_BYTES]

    return node
