"""An immutable mapping whose changed copy shares most entries with the original (Okasaki, persistent data)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
_BUCKETS: Final = 1024  #: a copy costs this many references and one bucket, whatever the number of entries


class PersistentMap(Mapping[K, V], Generic[K, V]):
    """Entries in buckets by hash; equal to any mapping with the same entries. The order of entries is arbitrary."""

    __slots__ = ("_buckets", "_size")

    def __init__(self, entries: Iterable[tuple[K, V]] = ()) -> None:
        buckets: list[dict[K, V]] = [{} for _ in range(_BUCKETS)]
        for key, value in entries:
            buckets[hash(key) % _BUCKETS][key] = value
        self._buckets = tuple(buckets)
        self._size = sum(map(len, buckets))

    def with_entries(self, entries: Iterable[tuple[K, V]]) -> "PersistentMap[K, V]":
        """Return a copy with these entries added or replaced."""
        buckets, copied = list(self._buckets), set[int]()
        size = self._size
        for key, value in entries:
            number = hash(key) % _BUCKETS
            if number not in copied:
                buckets[number] = dict(buckets[number])
                copied.add(number)
            size += key not in buckets[number]
            buckets[number][key] = value
        changed: PersistentMap[K, V] = PersistentMap.__new__(PersistentMap)
        changed._buckets, changed._size = tuple(buckets), size
        return changed

    def __getitem__(self, key: K) -> V:
        return self._buckets[hash(key) % _BUCKETS][key]

    def __iter__(self) -> Iterator[K]:
        for bucket in self._buckets:
            yield from bucket

    def __len__(self) -> int:
        return self._size
