"""Transactions of the pool's account: the record stored before each is sent, and its replacement. Pure."""

from typing import Final

import msgspec

from sealgrid.pool.effects import ChainCallKind
from sealgrid.units import Address, Digest, TaskId

_RAISE: Final = 1.25  #: factor of a replacement's fees; nodes require at least 1.1

#: Function of the hub that makes many calls of one kind.
ARRAY_FUNCTIONS: Final[dict[ChainCallKind, str]] = {
    "initialize": "initializeArray",
    "claim": "claimArray",
    "initialize and claim": "initializeAndClaimArray",
}

#: Function for one task: of the hub, or of the account of its worker.
SINGLE_FUNCTIONS: Final[dict[ChainCallKind, str]] = {"finalize": "finalize", "reopen": "reopen", "forward": "forward"}


class Fees(msgspec.Struct, frozen=True):
    """Fees of EIP-1559, in wei per gas."""

    tip: int
    highest: int

    def raised(self, market: "Fees") -> "Fees":
        """Return fees that nodes accept for a replacement, at least those of the market."""
        return Fees(max(int(self.tip * _RAISE) + 1, market.tip), max(int(self.highest * _RAISE) + 1, market.highest))


class TransactionOutcome(msgspec.Struct, frozen=True):
    """How a transaction ended in a block, which may not be confirmed yet."""

    block_number: int
    reverted: bool


class PoolTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction that carries the chain calls of some tasks. It is stored before it is sent."""

    nonce: int
    epoch: int  #: of the leader that stored it
    kind: ChainCallKind
    tasks: tuple[TaskId, ...]
    data: bytes
    to: Address | None = None  #: contract that it calls; None for the hub
    gas: int
    fees: Fees
    raw: bytes  #: signed, as sent last
    hashes: tuple[Digest, ...]  #: of every version that was sent under this nonce
    sent_at: float  #: Unix seconds, of the last version
