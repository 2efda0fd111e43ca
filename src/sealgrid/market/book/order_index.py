"""Bitmap index of the open orders of one kind: any combination of filters, ordered by rank. Pure.

Each value of a field has a bitmap of its rows; a numeric field has a bit-sliced index. A query intersects the bitmaps
of its filters, then picks the first matching rows from a list that is ordered by rank.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec
from pyroaring import BitMap

from sealgrid.market.book.bit_sliced_index import BitSlicedIndex
from sealgrid.units import Digest

Rank = tuple[int, int, str]  #: price (negative for requests), publication in ms, order hash
Value = str | int | bool
#: Up to this many matching rows are sorted; with more, scanning the ranked list is faster.
_MAX_SORTED: Final = 500


class IndexEntry(msgspec.Struct, frozen=True):
    """An indexed open order: its rank and its filter fields."""

    order_hash: Digest
    rank: Rank
    fields: Mapping[str, Value]


class OneOfFilter(msgspec.Struct, frozen=True):
    """A filter: the field has one of these values."""

    field: str
    values: tuple[Value, ...]


class AtLeastFilter(msgspec.Struct, frozen=True):
    """A filter: the field's number is at least this."""

    field: str
    number: int


class AtMostFilter(msgspec.Struct, frozen=True):
    """A filter: the field's number is at most this."""

    field: str
    number: int


class HasBitsFilter(msgspec.Struct, frozen=True):
    """A filter: the field's number has all these bits."""

    field: str
    bits: int


class OnlyBitsFilter(msgspec.Struct, frozen=True):
    """A filter: the field's number has no other bits."""

    field: str
    bits: int


Filter = OneOfFilter | AtLeastFilter | AtMostFilter | HasBitsFilter | OnlyBitsFilter


class OrderIndex:
    """Index by the values of ``fields`` and the numbers of ``numbers``.

    ``numbers`` maps a field to its count of binary digits; a larger number is indexed as the largest.
    """

    def __init__(self, fields: Sequence[str], numbers: Mapping[str, int]) -> None:
        self._rows: dict[Digest, int] = {}
        self._entries: dict[int, IndexEntry] = {}
        self._free: list[int] = []
        self._ranks: list[Rank] = []  #: ascending
        self._ranked: list[int] = []  #: the row of each rank
        self._postings: dict[str, dict[Value, BitMap]] = {field: {} for field in fields}
        self._numbers = {field: BitSlicedIndex(digits) for field, digits in numbers.items()}
        self._all = BitMap()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, order_hash: Digest) -> IndexEntry | None:
        """Return the entry of an order; None when it is not indexed."""
        row = self._rows.get(order_hash)
        return None if row is None else self._entries[row]

    def put(self, entry: IndexEntry) -> None:
        """Add an order, or replace the entry of the same hash."""
        if (old := self._rows.get(entry.order_hash)) is not None:
            if self._entries[old] == entry:
                return
            self.drop(entry.order_hash)
        row = self._free.pop() if self._free else len(self._entries)
        self._rows[entry.order_hash], self._entries[row] = row, entry
        position = bisect_left(self._ranks, entry.rank)
        self._ranks.insert(position, entry.rank)
        self._ranked.insert(position, row)
        self._all.add(row)
        for field, value in entry.fields.items():
            if (numbers := self._numbers.get(field)) is not None:
                numbers.put(row, int(value))
            else:
                self._postings[field].setdefault(value, BitMap()).add(row)

    def drop(self, order_hash: Digest) -> None:
        """Remove an order; an unknown one has no effect."""
        row = self._rows.pop(order_hash, None)
        if row is None:
            return
        entry = self._entries.pop(row)
        position = bisect_left(self._ranks, entry.rank)
        del self._ranks[position], self._ranked[position]
        self._all.discard(row)
        for field, value in entry.fields.items():
            if (numbers := self._numbers.get(field)) is not None:
                numbers.drop(row, int(value))
            else:
                rows = self._postings[field][value]
                rows.discard(row)
                if not rows:
                    del self._postings[field][value]
        self._free.append(row)

    def find(self, filters: Sequence[Filter], *, start: int, size: int) -> tuple[int, list[Digest]]:
        """Return the number of matching orders, and ``size`` hashes from ``start`` on by rank."""
        rows = self._all
        for each in filters:
            rows = self._matching(each, rows)
        best: Iterable[int]
        if len(rows) <= _MAX_SORTED:
            best = sorted(rows, key=lambda row: self._entries[row].rank)
        else:
            best = filter(rows.__contains__, self._ranked)
        return len(rows), [self._entries[row].order_hash for row in islice(best, start, start + size)]

    def _matching(self, condition: Filter, among: BitMap) -> BitMap:
        match condition:
            case OneOfFilter(field=field, values=values):
                postings = self._postings[field]
                bitmaps = [postings[value] for value in values if value in postings]
                return among & BitMap.union(*bitmaps) if bitmaps else BitMap()
            case AtLeastFilter(field=field, number=number):
                return self._numbers[field].at_least(number, among)
            case AtMostFilter(field=field, number=number):
                return among - self._numbers[field].at_least(number + 1, among)
            case HasBitsFilter(field=field, bits=bits):
                return self._numbers[field].with_all_bits(bits, among)
            case OnlyBitsFilter(field=field, bits=bits):
                return self._numbers[field].with_only_bits(bits, among)
