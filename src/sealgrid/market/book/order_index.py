"""The open orders of one kind, found by any combination of their fields in milliseconds, the best first. Pure.

For each field and value a bitmap holds the rows that have it; a field of numbers has one for each binary digit. A
filter is a bitmap, all filters together their intersection. Beside that every row stands in one list by rank, from
which the first that are in the bitmap are picked.
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
#: Up to so many found rows are sorted; more are likely to be met early in the list of all.
_SORTED_AT_MOST: Final = 500


class IndexEntry(msgspec.Struct, frozen=True):
    """An open order as the shelf files it: where it ranks, and what it is found by."""

    order_hash: Digest
    rank: Rank
    fields: Mapping[str, Value]


class OneOfFilter(msgspec.Struct, frozen=True):
    """A filter: the field has one of these values."""

    field: str
    values: tuple[Value, ...]


class AtLeastFilter(msgspec.Struct, frozen=True):
    """A filter: the field's number is no smaller."""

    field: str
    number: int


class AtMostFilter(msgspec.Struct, frozen=True):
    """A filter: the field's number is no larger."""

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
    """Orders can be put, dropped and found: by the values of some fields, by the numbers of others.

    ``numbers`` says how many binary digits a field's number has; a larger one is found as the largest.
    """

    def __init__(self, fields: Sequence[str], numbers: Mapping[str, int]) -> None:
        self._rows: dict[Digest, int] = {}
        self._entries: dict[int, IndexEntry] = {}
        self._free: list[int] = []
        self._ranks: list[Rank] = []  #: ascending
        self._ranked: list[int] = []  #: the row of each rank
        self._postings: dict[str, dict[Value, BitMap]] = {field: {} for field in fields}
        self._numbers = {field: BitSlicedIndex(most) for field, most in numbers.items()}
        self._all = BitMap()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, order_hash: Digest) -> IndexEntry | None:
        """Return an order as it is filed; None for one that is not."""
        row = self._rows.get(order_hash)
        return None if row is None else self._entries[row]

    def put(self, entry: IndexEntry) -> None:
        """File an order, in place of what was filed under its hash."""
        if (old := self._rows.get(entry.order_hash)) is not None:
            if self._entries[old] == entry:
                return
            self.drop(entry.order_hash)
        row = self._free.pop() if self._free else len(self._entries)
        self._rows[entry.order_hash], self._entries[row] = row, entry
        place = bisect_left(self._ranks, entry.rank)
        self._ranks.insert(place, entry.rank)
        self._ranked.insert(place, row)
        self._all.add(row)
        for field, value in entry.fields.items():
            if (numbers := self._numbers.get(field)) is not None:
                numbers.put(row, int(value))
            else:
                self._postings[field].setdefault(value, BitMap()).add(row)

    def drop(self, order_hash: Digest) -> None:
        """Take an order off; one that is not there is no mistake."""
        row = self._rows.pop(order_hash, None)
        if row is None:
            return
        entry = self._entries.pop(row)
        place = bisect_left(self._ranks, entry.rank)
        del self._ranks[place], self._ranked[place]
        self._all.discard(row)
        for field, value in entry.fields.items():
            if (numbers := self._numbers.get(field)) is not None:
                numbers.drop(row, int(value))
            else:
                self._forget(field, value, row)
        self._free.append(row)

    def find(self, filters: Sequence[Filter], *, start: int, size: int) -> tuple[int, list[Digest]]:
        """Return how many orders pass every filter, and the hashes of those from ``start`` on, the best first."""
        found = self._all
        for each in filters:
            found = self._passing(each, found)
        return len(found), self._best(found, start, size)

    def _passing(self, wanted: Filter, among: BitMap) -> BitMap:
        match wanted:
            case OneOfFilter(field=field, values=values):
                postings = self._postings[field]
                chosen = [postings[value] for value in values if value in postings]
                return among & BitMap.union(*chosen) if chosen else BitMap()
            case AtLeastFilter(field=field, number=number):
                return self._numbers[field].at_least(number, among)
            case AtMostFilter(field=field, number=number):
                return among - self._numbers[field].at_least(number + 1, among)
            case HasBitsFilter(field=field, bits=bits):
                return self._numbers[field].having(bits, among)
            case OnlyBitsFilter(field=field, bits=bits):
                return self._numbers[field].within(bits, among)

    def _forget(self, field: str, value: Value, row: int) -> None:
        rows = self._postings[field][value]
        rows.discard(row)
        if not rows:
            del self._postings[field][value]

    def _best(self, found: BitMap, start: int, size: int) -> list[Digest]:
        best: Iterable[int]
        if len(found) <= _SORTED_AT_MOST:
            best = sorted(found, key=lambda row: self._entries[row].rank)
        else:
            best = filter(found.__contains__, self._ranked)
        return [self._entries[row].order_hash for row in islice(best, start, start + size)]
