"""Durations of past runs: from the chain, for the deals that the market lists."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from sealgrid.chain.blocks import EventLog
from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.poco.ids import task_id
from sealgrid.sdk.operations.past_runs import PastRuns, past_runs
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from sealgrid.wire.market import MarketClient

APP, MODEL, OTHER = (to_address(bytes([n]) * 20) for n in range(1, 4))
A, B, C, D, E = (to_digest(bytes([n]) * 32) for n in range(1, 6))
START = 1_000


class Chain:
    """A market that names deals, and a chain that has some of them; each started at the same time."""

    address = OTHER

    def __init__(self, deals, *, named=(), away=False) -> None:
        self.deals, self.named, self.away, self.query = deals, named, away, {}

    async def request(self, method, path, body=b"", headers=None):
        if self.away:
            raise ServiceUnavailable("the market does not answer.")
        self.query = parse_qs(urlsplit(path).query)
        return msgspec.json.encode({"ok": True, "count": 1, "deals": [{"dealid": deal} for deal in self.named]})

    async def view_deal(self, deal):
        if deal not in self.deals:
            raise NotFound("no such deal.")
        app, model, _ = self.deals[deal]
        return SimpleNamespace(
            app=SimpleNamespace(pointer=app), dataset=SimpleNamespace(pointer=model), start_time=START, bot_first=3
        )

    async def block(self, number=99):
        return SimpleNamespace(number=number, timestamp=START + number)

    async def logs(self, contract, topics, *, first, last):
        """Return an event for each completed task, in a block as many seconds after the start as its number."""
        finalize, tasks = topics
        ended = {task_id(deal, 3): block for deal, (_, _, block) in self.deals.items() if block is not None}
        return [
            EventLog(
                address=contract,
                topics=(finalize, task),
                data=bytes.fromhex(f"{32:064x}{0:064x}"),
                block_number=ended["0x" + task.hex()],
                block_hash=A,
                transaction=A,
                index=0,
            )
            for task in tasks
            if "0x" + task.hex() in ended
        ]

    def conn(self):
        return SimpleNamespace(market=MarketClient(self, 31337), hub=self, node=self)


DEALS = {
    A: (APP, MODEL, 9),
    B: (APP, MODEL, 2),
    C: (APP, MODEL, None),
    D: (OTHER, MODEL, 50),
    E: (APP, ZERO_ADDRESS, 1),
}
INVENTED = to_digest(b"\xee" * 32)


async def test_completed_runs_of_this_app_on_this_model_count_and_no_others():
    chain = Chain(DEALS, named=[*DEALS, INVENTED, "0xno-deal"])
    assert await past_runs(chain.conn(), APP, MODEL) == PastRuns((2, 9))
    assert (chain.query["app"], chain.query["dataset"]) == ([APP], [MODEL])


async def test_a_run_without_a_model_is_compared_with_runs_without_one():
    chain = Chain(DEALS, named=[*DEALS])
    assert await past_runs(chain.conn(), APP, ZERO_ADDRESS) == PastRuns((1,))
    assert "dataset" not in chain.query


async def test_without_the_market_no_past_runs_are_known():
    assert await past_runs(Chain({}, away=True).conn(), APP, MODEL) == PastRuns()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ((), "unknown: no past runs"),
        ((4,), "about 4 s (the only past run)"),
        ((2, 9), "about 5.5 s (the median of the last 2 runs, 9 s at most)"),
    ],
)
def test_the_expected_duration_is_a_median_with_its_basis(seconds, text):
    assert str(PastRuns(seconds)) == text
