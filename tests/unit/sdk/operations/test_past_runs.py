"""Durations of past runs: from the chain, for the deals that the market lists."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from sealgrid.chain.blocks import EventLog
from sealgrid.errors import NotFound, ReceiptRefused, ServiceUnavailable
from sealgrid.poco.ids import task_id
from sealgrid.receipts.verify import VerifiedReceipt
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.sdk.operations.past_runs import LATEST_DEALS, PastRuns, past_runs
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


@pytest.fixture
def receipts(monkeypatch):
    """The verified receipts of the deals' first tasks: by deal, (worker, exit class) or None."""
    known = {}

    async def fetch(conn, task):
        worker, exit_class = next(known[deal] for deal in known if task_id(deal, 3) == task) or (None, None)
        if worker is None:
            raise ReceiptRefused("9", "one verdict of two.")
        app = SimpleNamespace(address=APP)
        return VerifiedReceipt(SimpleNamespace(worker=worker, exit_class=exit_class, app=app, dataset=None))

    monkeypatch.setattr(fetch_receipt, "fetch_verified_receipt", fetch)
    known.update(dict.fromkeys(DEALS, (OTHER, "ok")))
    return known


async def test_answers_of_this_app_on_this_model_count_and_no_others(receipts):
    chain = Chain(DEALS, named=[*DEALS, INVENTED, "0xno-deal"])
    assert await past_runs(chain.conn(), APP, MODEL) == PastRuns(cold=(2,), warm=(9,))
    assert (chain.query["app"], chain.query["dataset"]) == ([APP], [MODEL])


async def test_a_run_without_a_model_is_compared_with_runs_without_one(receipts):
    chain = Chain(DEALS, named=[*DEALS])
    assert await past_runs(chain.conn(), APP, ZERO_ADDRESS) == PastRuns(cold=(1,))
    assert "dataset" not in chain.query


@pytest.mark.parametrize("end", [(OTHER, "app-failed"), (OTHER, "refused"), None])
async def test_a_run_without_a_verified_answer_has_no_duration(receipts, end):
    receipts[A] = end
    assert await past_runs(Chain(DEALS, named=[*DEALS]).conn(), APP, MODEL) == PastRuns(cold=(2,))


async def test_each_workers_first_run_is_cold(receipts):
    receipts[A] = (MODEL, "ok")
    assert await past_runs(Chain(DEALS, named=[*DEALS]).conn(), APP, MODEL) == PastRuns(cold=(2, 9))


async def test_where_older_deals_may_be_left_out_a_workers_first_run_does_not_count(receipts):
    deals = {to_digest(bytes([n + 10]) * 32): (APP, MODEL, n + 1) for n in range(LATEST_DEALS)}
    receipts.update(dict.fromkeys(deals, (OTHER, "ok")))
    found = await past_runs(Chain(deals, named=[*deals]).conn(), APP, MODEL)
    assert found == PastRuns(warm=tuple(range(2, LATEST_DEALS + 1)))


async def test_without_the_market_no_past_runs_are_known():
    assert await past_runs(Chain({}, away=True).conn(), APP, MODEL) == PastRuns()


@pytest.mark.parametrize(
    ("past", "expected", "text"),
    [
        (PastRuns(), None, "unknown: no past answers"),
        (PastRuns(cold=(4,)), 4, "about 4 s (one past run) on another machine"),
        (
            PastRuns(warm=(2, 9)),
            5.5,
            "about 5.5 s (the median of 2 past runs, 9 s at most) on a machine that ran it before",
        ),
        (
            PastRuns(cold=(20,), warm=(3,)),
            3,
            "about 3 s (one past run) on a machine that ran it before, about 20 s (one past run) on another machine",
        ),
    ],
)
def test_the_expected_duration_has_its_basis(past, expected, text):
    assert (past.expected, str(past)) == (expected, text)
