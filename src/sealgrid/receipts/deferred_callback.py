"""Deferred callbacks: a salted commitment goes on the chain, the data stay sealed until the task is paid.

Format: docs/protocol/receipt.md; checks of the receiving contract: contracts/lib/deferred_callback.vy.
"""

from dataclasses import dataclass, field
from typing import Final

from sealgrid.crypto.digests import keccak256
from sealgrid.units import Digest, to_bytes, to_digest

SALT_BYTES: Final = 32
_TYPE: Final = keccak256(b"sealgrid/deferred-callback/1")


@dataclass(frozen=True, slots=True)
class DeferredCallback:
    """Callback data that are delivered after the payment, and the salt that hides them until then."""

    data: bytes = field(repr=False)  #: empty if the app failed
    salt: bytes = field(repr=False)

    def commitment(self) -> Digest:
        """Return keccak256(salt ‖ data), the only public value before delivery."""
        return to_digest(keccak256(self.salt, self.data))


def deferred_digest(result: Digest, commitment: Digest) -> Digest:
    """Return the result digest of a task with a deferred callback; ``result`` is its digest without one."""
    return to_digest(keccak256(_TYPE, to_bytes(result, 32), to_bytes(commitment, 32)))
