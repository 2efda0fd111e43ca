"""Types of blocks, event logs and transactions; confirmation rules of chains; the trail of processed blocks. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from sealgrid.units import Address, Digest

MAX_TRAIL: Final = 128  #: blocks that a trail holds; a deeper reorganisation raises ChainReplaced

BlockTag = Literal["finalized", "safe"]
_HOUR: Final = 3600


class Block(msgspec.Struct, frozen=True):
    """A block's header; ``timestamp`` is the chain's clock in Unix seconds."""

    number: int
    hash: Digest
    parent: Digest
    timestamp: int


class EventLog(msgspec.Struct, frozen=True):
    """One event as the chain stores it."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: Digest
    transaction: Digest
    index: int


class TransactionCall(msgspec.Struct, frozen=True):
    """The contract that a transaction called, and the calldata; ``to`` is None if it created a contract."""

    to: Address | None
    data: bytes


class TransactionReceipt(msgspec.Struct, frozen=True):
    """The receipt of a successful transaction."""

    transaction: Digest
    block_number: int
    block_hash: Digest
    gas_used: int
    created: Address | None
    logs: tuple[EventLog, ...]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The newest block of one chain that no reorganisation removes."""

    block: BlockTag | int  #: the node's tag, or a depth: the head has depth 1
    max_age: int | None  #: seconds between its timestamp and our clock; None on a chain that mines on demand only


#: Ethereum finalises two epochs (13 minutes) behind the head; Arbitrum's ``safe`` block is posted on Ethereum.
_CONFIRMATIONS: Final = {
    1: Confirmation("finalized", _HOUR),
    11155111: Confirmation("finalized", _HOUR),
    42161: Confirmation("safe", _HOUR),
    421614: Confirmation("safe", _HOUR),
    31337: Confirmation(1, None),
}


def confirmation_of(chain: int) -> Confirmation:
    """Return the rule of a chain, by its id. An unknown chain waits for finality."""
    return _CONFIRMATIONS.get(chain, Confirmation("finalized", _HOUR))


#: Seconds of blocks that short reorganisations remove: 1.5 minutes of Ethereum's, 5 seconds of Arbitrum's.
_USUAL_DEPTHS: Final = {31337: 1, 42161: 20, 421614: 20}
_DEPTH: Final = 8


def usual_depth(chain: int) -> int:
    """Return how deep a block of a chain must lie before a service may act on it that cannot wait for finality.

    Reorganisations of Ethereum since its merge were of 7 blocks at most. The head has depth 1.
    """
    return _USUAL_DEPTHS.get(chain, _DEPTH)


class BlockTrail(msgspec.Struct, frozen=True):
    """The newest blocks that a follower processed. Store it in the same transaction as the data derived from them.

    Blocks ascend but need not be adjacent: after a long downtime a follower reads ranges. If the chain still has a
    block of the trail, it also has every block below it.
    """

    blocks: tuple[Block, ...] = ()

    @property
    def tip(self) -> Block | None:
        """Return the newest processed block."""
        return self.blocks[-1] if self.blocks else None

    @property
    def next_number(self) -> int:
        """Return the number of the first block that is not processed."""
        return self.blocks[-1].number + 1 if self.blocks else 0

    def append(self, block: Block) -> "BlockTrail":
        """Return the trail with one more block; raise ValueError unless it can follow the tip."""
        tip = self.tip
        if tip and (block.number <= tip.number or (block.number == tip.number + 1 and block.parent != tip.hash)):
            raise ValueError(f"block {block.number} does not follow block {tip.number}")
        return BlockTrail((*self.blocks, block)[-MAX_TRAIL:])

    def truncate(self, ancestor: Block) -> "BlockTrail":
        """Return the trail up to and including one of its blocks."""
        return BlockTrail(self.blocks[: self.blocks.index(ancestor) + 1])

    def common_ancestor(self, canonical: Mapping[int, Digest]) -> Block | None:
        """Return the newest block whose hash is the canonical one at its height; None if there is none."""
        return next((block for block in reversed(self.blocks) if canonical.get(block.number) == block.hash), None)
