"""Finding the block of a match by its time, and its orders in calldata."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.chain import matches
from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import Block
from sealgrid.chain.hub import order_values
from sealgrid.poco.orders import NO_DATASET_ORDER, AppOrder, RequestOrder, WorkerpoolOrder
from sealgrid.units import Digest, to_address, to_digest

HASH = Digest(to_digest(bytes(32)))
HUB = interface("Hub")
A = to_address(b"\xaa" * 20)
REQUEST = RequestOrder(app=A, requester=A, beneficiary=A, params='{"iexec_args":"é"}', sign=b"signed")
ORDERS = (AppOrder(app=A), NO_DATASET_ORDER, WorkerpoolOrder(workerpool=A), REQUEST)
CALL = HUB.call_data("sponsorMatchOrders", *map(order_values, ORDERS))
SELECTORS = [HUB.selector(name) for name in ("matchOrders", "sponsorMatchOrders")]

#: calldata of a hostile sender: selectors without a call, offsets out of range
strange = st.lists(
    st.binary(max_size=64) | st.sampled_from(SELECTORS) | st.just(b"\xff" * 32) | st.just(b"\x80".rjust(32, b"\0")),
    max_size=12,
).map(b"".join)


class Chain:
    """A node that serves blocks of these times, and counts its calls."""

    def __init__(self, times: list[int]) -> None:
        self.times, self.calls = times, 0

    async def block(self, number: int | None = None) -> Block:
        self.calls += 1
        at = len(self.times) - 1 if number is None else number
        return Block(number=at, hash=HASH, parent=HASH, timestamp=self.times[at])


@given(times=st.lists(st.integers(0, 60), min_size=1, max_size=80).map(sorted), time=st.integers(0, 61))
def test_the_first_block_at_or_after_a_time_is_found(times: list[int], time: int) -> None:
    node: Any = Chain(times)
    block = asyncio.run(matches._first_block_at(node, time))
    expected = next((at for at, each in enumerate(times) if each >= time), None)
    assert (None if block is None else block.number) == expected


async def test_a_recent_block_of_a_long_chain_takes_few_calls() -> None:
    node: Any = Chain(list(range(1 << 16)))
    block = await matches._first_block_at(node, (1 << 16) - 3)
    assert block is not None
    assert block.number == (1 << 16) - 3
    assert node.calls <= 8


def requests_in(data):
    return [matches._decode_order(RequestOrder, orders[3]) for orders in matches._match_calls(data)]


@settings(max_examples=200)
@given(before=strange, behind=strange)
def test_a_call_is_found_at_any_offset(before, behind):
    assert REQUEST in requests_in(before + CALL + behind)


@settings(max_examples=200)
@given(st.integers(0, len(CALL) - 1), st.binary(min_size=1, max_size=40))
def test_a_damaged_call_does_not_raise(at, other):
    requests_in(CALL[:at] + other + CALL[at + len(other) :])
    requests_in(CALL[:at])


def test_the_number_of_decoded_candidates_is_bounded():
    assert requests_in(SELECTORS[0] * 30_000) == []
    assert requests_in(SELECTORS[0] * matches._MAX_CALLS + CALL) == []
