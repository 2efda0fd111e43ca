"""How a run's result is raised or returned, by its receipt."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest

from sealgrid.errors import AppFailed, DealRefused, InputRefused, StillRunning
from sealgrid.poco.tags import NO_TAG
from sealgrid.sdk.money import MoneyState
from sealgrid.sdk.operations import run_money
from sealgrid.sdk.operations.open_result import RunResult
from sealgrid.sdk.resources import runs
from sealgrid.sdk.resources.runs import AsyncRun
from tests.unit.sdk.stores.job_records import job

JOB = job()


@pytest.fixture
def run(monkeypatch):
    """A function that returns a run with a given end."""

    def ended(exit_class="ok", *, refusal="", log=b"", never=False):
        async def follow(*_, **__):
            if never:
                await asyncio.Event().wait()

        async def content(self):
            return b"receipt"

        async def open_result(*_, **__):
            code = b"0" if exit_class == "ok" else b"3"
            return RunResult({"sealgrid.json": b'{"exit":' + code + b"}", "app.log": log})

        async def money_or_unknown(conn, deal, task):
            return MoneyState("paid", task)

        body = SimpleNamespace(exit_class=exit_class)
        envelope = SimpleNamespace(refusal=refusal, settle=None, receipt=SimpleNamespace(body=body))
        monkeypatch.setattr(runs, "follow", follow)
        monkeypatch.setattr(runs.AsyncReceipt, "content", content)
        monkeypatch.setattr(runs, "parse_envelope", lambda content: envelope)
        monkeypatch.setattr(runs.open_result, "open_result", open_result)
        monkeypatch.setattr(run_money, "money_or_unknown", money_or_unknown)
        return AsyncRun(None, JOB)

    return ended


async def test_a_run_that_ended_well_returns_its_files(run):
    assert (await run().result()).exit == 0


@pytest.mark.parametrize(
    ("end", "error", "sentence"),
    [
        ({"exit_class": "failed", "log": b"first\n  out of memory \n"}, AppFailed, "the app failed: out of memory"),
        ({"exit_class": "failed"}, AppFailed, "the app failed: its log is empty"),
        ({"exit_class": "unopened"}, AppFailed, "does not open with the key that its owner deposited"),
        ({"refusal": "7.10"}, DealRefused, "the vaults refused this deal"),
    ],
)
async def test_another_end_is_raised_with_where_the_price_is(run, end, error, sentence):
    with pytest.raises(error, match=sentence) as failed:
        await run(**end).result()
    assert failed.value.money.startswith("The run was paid")


async def test_the_error_of_a_failed_app_carries_task_log_and_exit_code(run):
    with pytest.raises(AppFailed) as failed:
        await run("failed", log=b"first\nout of memory\n").result()
    assert (failed.value.task, failed.value.log, failed.value.exit) == (JOB.task, "first\nout of memory\n", 3)


async def test_a_run_that_takes_longer_continues(run):
    with pytest.raises(StillRunning, match=r"has not ended within 0.01 seconds; it continues"):
        await run(never=True).result(timeout=0.01)


async def test_a_run_without_a_deferred_callback_delivers_nothing(run):
    with pytest.raises(InputRefused, match="has no deferred callback"):
        await run().deliver("0x" + "55" * 20)


def test_a_run_has_the_runs_of_all_tasks_of_its_deal():
    several = AsyncRun(None, runs.buy.replace(JOB, tasks=2))
    assert len({each.task for each in several.tasks}) == 2
    assert int(several.price) == 12


async def test_a_run_without_a_tee_has_no_receipt_and_its_app_fails_by_its_exit_code(run, monkeypatch):
    ended = run()
    request = msgspec.structs.replace(JOB.terms.request, tag=NO_TAG)
    public = AsyncRun(None, replace(JOB, terms=replace(JOB.terms, request=request)))

    async def open_public_result(conn, task):
        return RunResult({"sealgrid.json": b'{"exit":7}'})

    monkeypatch.setattr(runs.open_result, "open_public_result", open_public_result)
    with pytest.raises(AppFailed, match="exit code 7") as failed:
        await public.result()
    assert (failed.value.exit, public.tee, ended.tee) == (7, False, True)
