"""Gas of a round of DataFeed: what a callback adds to a settlement, and what it costs to pull one."""

from dataclasses import dataclass

from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target
from bench.settlement import STEPS, Callback, Settlement, settlement
from sealgrid.chain.anvil import advance
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.data_feed import DataFeed, FeedTerms, StationRegistration
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.units import DealId, to_bytes

WINDOW = 3600
STATION = SigningKey.from_bytes(b"\x71" * 32).address
SIGNED = b"\xda" * 32  #: digest that the station signed
TARGET = Target("≤", 100_000.0)  #: PoCo's callback gas


@dataclass(frozen=True)
class FeedOfOne:
    """A feed with one station."""

    on: Settlement
    feed: DataFeed
    roster: bytes

    async def last_window(self) -> int:
        """Return the newest window that has ended."""
        return (await self.on.node.block()).timestamp // WINDOW - 1

    def callback(self, window: int) -> Callback:
        """Return the callback of a round of a window."""

        def data(deal: DealId) -> bytes:
            word = (1 << 32 | 0) << 160 | int(STATION, 16)  # version, index of the task, station
            word = ((word << 40 | window) << 8 | 97) << 8  # window, DQF, no reason
            return to_bytes(deal, 32) + SIGNED + self.roster + word.to_bytes(32, "big")

        return Callback(self.feed.address, data)


async def measure(context: Context) -> Figure:
    """Settle deals with and without a round; pull rounds whose window had not ended at their callback."""
    times = context.either(3, 10)
    async with settlement() as on:
        opened, step = await _opened(on), STEPS[2]
        first = await opened.last_window() - 2 * times
        await on.gas(on.broker, opened.callback(first - 1))  # slots that were never touched cost more, once
        plain = [(await on.gas(on.broker))[step] for _ in range(times)]
        receipts = [(await on.settle(on.broker, opened.callback(first + n)))[1] for n in range(times)]
        called = [await _callback_gas(opened, each) for each in receipts]
        pulled = [await _pull(opened) for _ in range(times)]
    added = tuple(float(each.gas_used - without) for each, without in zip(receipts, plain, strict=True))
    return Figure(
        "feed gas",
        (
            Row(label="callback of a round", unit="gas", samples=tuple(called), target=TARGET),
            Row(label=f"a round, more in {step}", unit="gas", samples=added),
            Row(label="pull of a round", unit="gas", samples=tuple(pulled)),
        ),
        "PoCo stores the callback data besides",
    )


async def _opened(on: Settlement) -> FeedOfOne:
    owner = on.wallet("owner")
    terms = FeedTerms(
        hub=on.deployment.hub,
        broker=on.deployment.broker,
        app=on.app,
        dataset=on.dataset,
        window_seconds=WINDOW,
        stale_after=WINDOW,
    )
    feed = await DataFeed.deploy(owner, terms)
    await feed.register(owner, StationRegistration("station-001", STATION))
    chain = on.deployment.chain.to_bytes(32, "big")
    begin = keccak256(chain, bytes(12) + to_bytes(feed.address, 20))
    roster = keccak256(begin, keccak256(b"station-001"), bytes(12) + to_bytes(STATION, 20))
    return FeedOfOne(on, feed, roster)


async def _callback_gas(opened: FeedOfOne, receipt: TransactionReceipt) -> float:
    """Return the gas of PoCo's call of the feed in a transaction; raise NotMeasured if it failed."""
    trace = await opened.on.node.rpc("debug_traceTransaction", receipt.transaction, {"tracer": "callTracer"})
    calls = [trace]
    while calls:
        call = calls.pop()
        if call.get("to", "").lower() == opened.feed.address.lower() and "error" not in call:
            return float(int(call["gasUsed"], 16))
        calls += call.get("calls", [])
    raise NotMeasured("PoCo did not call the feed, or the feed refused the round.")


async def _pull(opened: FeedOfOne) -> float:
    """Settle a deal whose callback comes before its window ends, and pull its round after that."""
    window = await opened.last_window() + 1
    task, _ = await opened.on.settle(opened.on.broker, opened.callback(window))
    await advance(opened.on.node, WINDOW)
    return float((await opened.feed.pull(opened.on.wallet("requester"), task)).gas_used)
