"""Groups open orders of one signer on equal terms into offers. Pure.

A grouped query returns one order of each offer: the oldest that is open.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from heapq import heappop, heappush

from sealgrid.units import Digest


class OfferGroups:
    """Open orders by offer, with the oldest of each."""

    def __init__(self) -> None:
        self._members: defaultdict[Hashable, set[Digest]] = defaultdict(set)
        self._oldest: defaultdict[Hashable, list[tuple[int, Digest]]] = defaultdict(list)

    def add(self, offer: Hashable, published: int, order_hash: Digest) -> None:
        """Add an open order to its offer; adding it again has no effect."""
        if order_hash not in self._members[offer]:
            self._members[offer].add(order_hash)
            heappush(self._oldest[offer], (published, order_hash))

    def drop(self, offer: Hashable, order_hash: Digest) -> None:
        """Remove an order from its offer."""
        members = self._members[offer]
        members.discard(order_hash)
        if not members:
            del self._members[offer]
            self._oldest.pop(offer, None)

    def first(self, offer: Hashable) -> Digest | None:
        """Return the oldest open order of an offer; None if it has no open order."""
        members, oldest = self._members.get(offer), self._oldest.get(offer)
        while members and oldest:
            if oldest[0][1] in members:
                return oldest[0][1]
            heappop(oldest)
        return None

    def members(self, offer: Hashable) -> Iterable[Digest]:
        """Return the open orders of an offer."""
        return self._members.get(offer, ())
