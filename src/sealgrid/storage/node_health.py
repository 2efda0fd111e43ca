"""Storage nodes that a client avoids: those that served other bytes than a digest names, or did not answer."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from sealgrid.errors import ContentDiffers

OTHER_BYTES_SECONDS: Final = 600.0  #: how long a node is avoided after it served other bytes
SILENT_SECONDS: Final = 30.0  #: how long a node is avoided after it did not answer

_log = logging.getLogger("sealgrid.storage")


class NodeHealth:
    """Faults of storage nodes, by URL. An avoided node is asked only after all others.

    ``clock`` returns seconds and never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._avoided_until: dict[str, float] = {}
        self._faults: Counter[str] = Counter({"other_bytes": 0, "silent": 0})

    def record_other_bytes(self, node: str, error: ContentDiffers) -> None:
        """Record that a node served other bytes than a digest names, and name it in the log."""
        minutes = OTHER_BYTES_SECONDS / 60
        _log.warning("the storage node %s is avoided for %.0f minutes: %s", node, minutes, error.reason)
        self._record("other_bytes", node, OTHER_BYTES_SECONDS)

    def record_silence(self, node: str) -> None:
        """Record that a node did not answer."""
        self._record("silent", node, SILENT_SECONDS)

    def is_avoided(self, node: str) -> bool:
        """Return whether other nodes are asked before this one."""
        return self._clock() < self._avoided_until.get(node, float("-inf"))

    def faults(self) -> Mapping[str, float]:
        """Return how many faults there were, by kind, for the operator's metrics."""
        return {kind: float(count) for kind, count in self._faults.items()}

    def _record(self, kind: str, node: str, seconds: float) -> None:
        self._faults[kind] += 1
        until = self._clock() + seconds
        self._avoided_until[node] = max(until, self._avoided_until.get(node, until))
