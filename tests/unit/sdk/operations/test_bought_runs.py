"""Runs of the data folder: as they are stored, and with what the network says about them."""

from types import SimpleNamespace

from sealgrid.errors import NotFound
from sealgrid.sdk.operations import bought_runs as module
from sealgrid.sdk.operations.bought_runs import bought_runs, stored_runs
from tests.unit.sdk.stores.job_records import A, D, job, record


class Names:
    """Names of assets on the chain."""

    async def read(self, kind, asset):
        return SimpleNamespace(name=f"the {kind.lower()}")


def conn(genesis=D):
    async def block():
        return SimpleNamespace(timestamp=100)

    network = SimpleNamespace(genesis=genesis, hub=A)
    return SimpleNamespace(node=SimpleNamespace(block=block), network=network, asset_facts=Names())


def test_a_stored_run_has_its_price_and_no_state():
    (run,) = stored_runs([record(job(), created=7)])
    assert (run.amount, run.time, run.app, run.state, run.app_name) == (12, 7, A, "unknown", "")


async def test_a_run_of_this_network_has_names_and_a_state(monkeypatch):
    async def run_state(conn, task, deal, now):
        assert now == 100
        return "answered"

    monkeypatch.setattr(module, "run_state", run_state)
    (run,) = await bought_runs(conn(), [record(job())])
    assert (run.app_name, run.model_name, run.state) == ("the app", "the dataset", "answered")


async def test_a_run_of_another_network_stays_as_it_is_stored():
    records = [record(job())]
    assert await bought_runs(conn(genesis="0x" + "ee" * 32), records) == stored_runs(records)


async def test_a_run_that_the_chain_does_not_know_stays_as_it_is_stored(monkeypatch):
    async def run_state(conn, task, deal, now):
        raise NotFound("no such deal.")

    monkeypatch.setattr(module, "run_state", run_state)
    records = [record(job())]
    assert await bought_runs(conn(), records) == stored_runs(records)
