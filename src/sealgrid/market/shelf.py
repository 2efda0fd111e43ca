"""The open orders of one kind, found by any combination of their fields in milliseconds, the best first. Pure.

For each field and value a bitmap holds the rows that have it: a filter is a bitmap, all filters together their
intersection. Beside that every row stands in one list by rank.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from pyroaring import BitMap

from sealgrid.units import Digest

Rank = tuple[int, int, str]  #: price (negative for requests), publication in ms, order hash
Value = str | int | bool
#: Up to so many found rows are sorted; of more, enough are picked from the list of all.
_SORTED_AT_MOST: Final = 10_000


class Entry(msgspec.Struct, frozen=True):
    """An open order as the shelf files it: where it ranks, and what it is found by."""

    order_hash: Digest
    rank: Rank
    fields: Mapping[str, Value]


class OneOf(msgspec.Struct, frozen=True):
    """A filter: the field has one of these values."""

    field: str
    values: tuple[Value, ...]


class Where(msgspec.Struct, frozen=True):
    """A filter: the field's value passes; for fields with few different values."""

    field: str
    passes: Callable[[Value], bool]


Filter = OneOf | Where


class Shelf:
    """Orders can be put, dropped and found."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._rows: dict[Digest, int] = {}
        self._entries: dict[int, Entry] = {}
        self._free: list[int] = []
        self._ranked: list[tuple[Rank, int]] = []
        self._postings: dict[str, dict[Value, BitMap]] = {field: {} for field in fields}
        self._all = BitMap()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: Entry) -> None:
        """File an order, in place of what was filed under its hash."""
        if (old := self._rows.get(entry.order_hash)) is not None:
            if self._entries[old] == entry:
                return
            self.drop(entry.order_hash)
        row = self._free.pop() if self._free else len(self._entries)
        self._rows[entry.order_hash], self._entries[row] = row, entry
        insort(self._ranked, (entry.rank, row))
        self._all.add(row)
        for field, value in entry.fields.items():
            self._postings[field].setdefault(value, BitMap()).add(row)

    def drop(self, order_hash: Digest) -> None:
        """Take an order off; one that is not there is no mistake."""
        row = self._rows.pop(order_hash, None)
        if row is None:
            return
        entry = self._entries.pop(row)
        del self._ranked[bisect_left(self._ranked, (entry.rank, row))]
        self._all.discard(row)
        for field, value in entry.fields.items():
            rows = self._postings[field][value]
            rows.discard(row)
            if not rows:
                del self._postings[field][value]
        self._free.append(row)

    def find(self, filters: Sequence[Filter], *, start: int, size: int) -> tuple[int, list[Digest]]:
        """Return how many orders pass every filter, and the hashes of those from ``start`` on, the best first."""
        found = self._all
        for each in filters:
            found = found & self._passing(each)
        return len(found), self._best(found, start, size)

    def _passing(self, wanted: Filter) -> BitMap:
        postings = self._postings[wanted.field]
        match wanted:
            case OneOf(values=values):
                chosen = [postings[value] for value in values if value in postings]
            case Where(passes=passes):
                chosen = [rows for value, rows in postings.items() if passes(value)]
        if len(chosen) == 1:
            return chosen[0]
        return BitMap.union(*chosen) if chosen else BitMap()

    def _best(self, found: BitMap, start: int, size: int) -> list[Digest]:
        if len(found) <= _SORTED_AT_MOST:
            ranked = ((self._entries[row].rank, row) for row in found)
            best = heapq.nsmallest(start + size, ranked)[start:]
        else:
            best = self._picked(found, start, size)
        return [self._entries[row].order_hash for _, row in best]

    def _picked(self, found: BitMap, start: int, size: int) -> list[tuple[Rank, int]]:
        picked: list[tuple[Rank, int]] = []
        for each in self._ranked:
            if each[1] in found:
                picked.append(each)
                if len(picked) == start + size:
                    break
        return picked[start:]
