"""A feed's roster is read backwards, and no block before its first registration."""

from typing import Any, cast

import pytest
from eth_abi.abi import encode

from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import EventLog
from sealgrid.chain.data_feed import FIRST_RANGE, DataFeed
from sealgrid.chain.node import Node
from sealgrid.units import Address, to_address, to_digest

FEED, HEAD = to_address(b"\xfe" * 20), 1_000_000
STATION = to_address(b"\x01" * 20)


class ChainOfOneFeed:
    """A node of a long chain on which a feed registered stations in some blocks."""

    def __init__(self, *blocks: int) -> None:
        self.ranges: list[tuple[int, int]] = []
        topic = interface("DataFeed").topic("StationRegistered")
        self._logs = [
            EventLog(
                address=FEED,
                topics=(topic, encode(["address"], [STATION])),
                data=encode(["uint256", "string", "bytes32"], [number, f"sensor-{number}", bytes(32)]),
                block_number=block,
                block_hash=to_digest(bytes(32)),
                transaction=to_digest(bytes(32)),
                index=0,
            )
            for number, block in enumerate(blocks, start=1)
        ]

    async def block(self) -> Any:
        return self

    @property
    def number(self) -> int:
        return HEAD

    async def chain(self) -> int:
        return 1

    async def call(self, contract: Address, data: bytes, *, at: object, action: str) -> bytes:
        assert contract == FEED
        return encode(["uint256"], [len(self._logs)])

    async def logs(self, contracts: Address, topics: object, *, first: int, last: int) -> list[EventLog]:
        self.ranges.append((first, last))
        return [log for log in self._logs if first <= log.block_number <= last]


@pytest.mark.parametrize(
    ("blocks", "ranges"),
    [
        ((), 0),
        ((HEAD,), 1),
        ((HEAD - FIRST_RANGE + 1, HEAD), 1),
        ((HEAD - FIRST_RANGE, HEAD), 2),
        ((HEAD - 5 * FIRST_RANGE, HEAD - 4 * FIRST_RANGE, HEAD), 3),
        ((0, HEAD), 7),
    ],
)
async def test_blocks_are_read_back_to_the_first_registration_alone(blocks: tuple[int, ...], ranges: int) -> None:
    node = ChainOfOneFeed(*blocks)
    roster = await DataFeed(cast(Node, node), FEED).roster()
    assert [each.sensor for each in roster.stations] == [f"sensor-{number + 1}" for number in range(len(blocks))]
    assert len(node.ranges) == ranges
    assert [last for _, last in node.ranges[1:]] == [first - 1 for first, _ in node.ranges[:-1]]


async def test_a_feed_without_its_first_registration_is_read_back_to_the_first_block() -> None:
    """A contract that only resembles a feed may say any number of stations."""
    node = ChainOfOneFeed(HEAD, HEAD)
    del node._logs[0]
    await DataFeed(cast(Node, node), FEED).roster()
    assert node.ranges[-1][0] == 0
