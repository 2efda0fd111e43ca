"""How the latest tasks of an app, model or pool ended: read from the chain, by verified receipts."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import NotFound, ReceiptRefused
from sealgrid.poco.ids import task_id
from sealgrid.receipts.run_record import RunRecord, RunTimes
from sealgrid.receipts.verify import VerifiedReceipt
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.sdk.operations import latest_runs as module
from sealgrid.sdk.operations.latest_runs import latest_runs
from sealgrid.units import to_address, to_digest

APP, MODEL, POOL, OTHER = (to_address(bytes([n]) * 20) for n in range(1, 5))
START, DEADLINE = 1_000, 2_000


class Network:
    """A market that names deals of one task each, and a chain that has them: by number, (exit class, seconds)."""

    def __init__(self, monkeypatch, *ends, size=1) -> None:
        self.ends = {to_digest(bytes([n + 1]) * 32): end for n, end in enumerate(ends)}
        self.named, self.size = list(self.ends), size
        self.market = self.hub = self.node = self
        self.are_proofs = False
        monkeypatch.setattr(fetch_receipt, "fetch_verified_receipt", self.fetch)
        monkeypatch.setattr(module, "completion_times", self.completion_times)

    def _end(self, task):
        return next(end for deal, end in self.ends.items() if task in {task_id(deal, n) for n in range(self.size)})

    async def deals(self, **filters):
        self.filters = filters
        return self.named

    async def block(self):
        return SimpleNamespace(timestamp=START)

    async def view_deal(self, deal):
        if deal not in self.ends:
            raise NotFound("no such deal.")
        app, dataset, pool = (SimpleNamespace(pointer=each) for each in (APP, MODEL, POOL))
        times = {"start_time": START, "bot_first": 0, "bot_size": self.size}
        return SimpleNamespace(deal=deal, app=app, dataset=dataset, workerpool=pool, is_proof=self.are_proofs, **times)

    async def view_task(self, task):
        end = self._end(task)
        status = {"refunded": TaskStatus.FAILED, "open": TaskStatus.ACTIVE}.get(end[0], TaskStatus.COMPLETED)
        return SimpleNamespace(status=status, contribution_deadline=DEADLINE, final_deadline=DEADLINE)

    async def fetch(self, conn, task):
        exit_class, _ = self._end(task)
        if exit_class == "forged":
            raise ReceiptRefused("9", "one verdict of two.")
        body = SimpleNamespace(worker=OTHER, exit_class=exit_class, app=SimpleNamespace(address=APP), dataset=None)
        return VerifiedReceipt(body)

    async def completion_times(self, conn, tasks):
        return {task: START + self._end(task)[1] for task in tasks}


ENDS = [("ok", 9), ("ok", 10), ("app-failed", 1), ("unopened", 1), ("refused", 1), ("forged", 1), ("refunded", 1)]


@pytest.mark.parametrize(("party", "address"), [("app", APP), ("dataset", MODEL), ("workerpool", POOL)])
async def test_answers_failures_refusals_and_refunds_count_apart(monkeypatch, party, address):
    network = Network(monkeypatch, *ENDS, ("open", 0))
    found = await latest_runs(network, party, address)
    assert network.filters[party] == address
    assert (found.tasks, found.is_complete) == (8, True)
    record = found.record
    assert (record.answers, record.failures, record.refusals) == (2, 2, 1)
    assert (record.unverified, record.refunded, record.open) == (1, 1, 1)
    assert found.answer_rate == record.answer_rate == 0.5


async def test_a_proof_without_an_answer_is_no_failure(monkeypatch):
    network = Network(monkeypatch, ("app-failed", 1), ("unopened", 1), ("ok", 9))
    network.are_proofs = True
    record = (await latest_runs(network, "dataset", MODEL)).record
    assert (record.answers, record.failures, record.proofs, record.unverified) == (1, 1, 1, 0)


async def test_a_workers_first_run_is_cold_even_if_its_app_failed(monkeypatch):
    found = await latest_runs(Network(monkeypatch, ("ok", 9), ("ok", 4)), "app", APP)
    assert (found.record.cold, found.record.warm) == (RunTimes(1, 4), RunTimes(1, 9))
    found = await latest_runs(Network(monkeypatch, ("app-failed", 1), ("ok", 4)), "app", APP)
    assert (found.record.cold, found.record.warm) == (RunTimes(), RunTimes(1, 4))


async def test_only_the_first_task_of_a_deal_has_a_duration(monkeypatch):
    found = await latest_runs(Network(monkeypatch, ("ok", 4), size=3), "app", APP)
    assert (found.record.answers, found.record.cold.count + found.record.warm.count) == (3, 1)


async def test_deals_of_others_and_invented_ones_do_not_count(monkeypatch):
    network = Network(monkeypatch, ("ok", 4))
    network.named += [to_digest(b"\xee" * 32), "0xno-deal"]
    assert (await latest_runs(network, "app", APP)).tasks == 1
    assert (await latest_runs(network, "app", OTHER)).record == RunRecord()


async def test_older_tasks_are_left_out_and_said_to_be(monkeypatch):
    network = Network(monkeypatch, ("ok", 4), size=30)
    found = await latest_runs(network, "app", APP, 20)
    assert (found.tasks, found.is_complete) == (20, False)


async def test_a_deal_that_a_market_repeats_counts_once(monkeypatch):
    network = Network(monkeypatch, ("ok", 9), ("app-failed", 1))
    network.named = [*network.named, network.named[1], network.named[1].upper().replace("0X", "0x")]
    found = await latest_runs(network, "app", APP)
    assert (found.tasks, found.record.answers, found.record.failures) == (2, 1, 1)


async def test_a_market_that_sends_more_deals_than_a_page_has_costs_no_more_reads(monkeypatch):
    network = Network(monkeypatch, *[("ok", 9)] * 12)
    read = []
    view_deal = network.view_deal

    async def view(deal):
        read.append(deal)
        return await view_deal(deal)

    network.view_deal = view
    found = await latest_runs(network, "app", APP, most=10)
    assert (found.tasks, len(read)) == (10, 10)
