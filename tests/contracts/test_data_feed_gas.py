"""The gas of a data feed's rounds under the limits of PoCo's callbacks."""

from collections.abc import Callable

import pytest

from tests.contracts.feed_scene import (
    COVERED,
    FEED,
    Answer,
    Feed,
    finalise_deferred,
    publish,
    set_callback_gas,
)
from tests.contracts.scene import Market

pytestmark = pytest.mark.chain
POCO_GAS, ARBITRUM_GAS = 100_000, 200_000


async def warm(feed: Feed) -> int:
    """Accept one round, so that the next one is an ordinary one; return its window."""
    window = await feed.last_window()
    await feed.accept(Answer(window=window - 9))
    return window


Record = Callable[[str, object], None]


@pytest.mark.parametrize(("params", "most"), [(0, 85_000), (300, 87_000), (2_000, 99_000)])
async def test_a_round_fits_into_pocos_callback_gas(
    feed: Feed, params: int, most: int, record_property: Record
) -> None:
    window = await warm(feed)
    _, used = await feed.accept_with_gas(Answer(window=window), POCO_GAS, params="x" * params)
    assert await feed.has(window)
    assert used < most
    record_property("gas", f"callback, {params:5} bytes of params: {used}")


@pytest.mark.parametrize("params", [0, 300, 2_000])
async def test_a_round_is_pulled_and_delivered_with_gas_of_the_senders(
    feed: Feed, market: Market, params: int, record_property: Record
) -> None:
    window = await warm(feed)
    await set_callback_gas(market, 20_000)
    task = await feed.accept(Answer(window=window - 1), params="x" * params)
    pulled = await feed.send("stranger", "pull", task)
    task, callback = await finalise_deferred(feed, Answer(window=window), params="x" * params)
    delivered = await feed.send("stranger", "deliver", task, COVERED, callback.salt, callback.data)
    assert await feed.has(window - 1)
    assert await feed.has(window)
    record_property("gas", f"pull,     {params:5} bytes of params: {pulled.gas_used}")
    record_property("gas", f"deliver,  {params:5} bytes of params: {delivered.gas_used}")


async def test_a_feeds_first_round_fits_into_pocos_callback_gas(feed: Feed) -> None:
    window = await feed.last_window()
    await feed.accept_with_gas(Answer(window=window), POCO_GAS, params="x" * 300)
    assert await feed.has(window)


async def test_where_pocos_gas_is_too_little_nothing_is_written_and_anybody_pulls(feed: Feed) -> None:
    window = await warm(feed)
    task, used = await feed.accept_with_gas(Answer(window=window), POCO_GAS, params="x" * 4_000)
    assert used == POCO_GAS
    assert not await feed.has(window)
    await feed.send("stranger", "pull", task)
    assert await feed.has(window)


async def test_arbitrums_callback_gas_is_enough_where_pocos_is_not(feed: Feed) -> None:
    window = await warm(feed)
    await feed.accept_with_gas(Answer(window=window), ARBITRUM_GAS, params="x" * 4_000)
    assert await feed.has(window)


async def test_a_worker_cannot_stop_a_round_by_long_results(feed: Feed, market: Market) -> None:
    window = await warm(feed)
    await set_callback_gas(market, POCO_GAS)
    attempt = await feed.task()
    await publish(attempt, await feed.data(attempt, Answer(window=window)), results=b"x" * 6_000)
    assert await feed.has(window)


async def test_a_round_takes_two_fresh_slots(feed: Feed, market: Market) -> None:
    window = await warm(feed)
    await set_callback_gas(market, 1_000)
    task = await feed.accept(Answer(window=window))
    data = FEED.call_data("pull", task)
    call = {"from": market.wallet("stranger").address, "to": feed.address, "data": "0x" + data.hex()}
    options = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    changed = await market.node.rpc("debug_traceCall", call, "latest", options)
    before, after = (changed[when][feed.address]["storage"] for when in ("pre", "post"))
    written = {slot: value for slot, value in after.items() if int(value, 16) != 0}
    assert len([slot for slot in written if int(before.get(slot, "0x0"), 16) == 0]) == 2
    assert len(written) == 4
