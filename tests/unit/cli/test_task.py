"""``sealgrid task``: runs whose result keys are in the data folder."""

import csv
import io
import json

import msgspec
import pytest

from sealgrid.sdk.stores.job_store import JobStore
from tests.unit.cli.cli_runner import run_cli
from tests.unit.sdk.network_file import network
from tests.unit.sdk.stores.job_records import job, record


@pytest.fixture
def sealgrid(tmp_path):
    return lambda *words: run_cli(*words, home=tmp_path / "home")


def test_without_any_job_the_list_is_empty(sealgrid):
    ended = sealgrid("task", "list")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_the_list_has_every_stored_run_newest_first(sealgrid, tmp_path):
    jobs = JobStore(tmp_path / "home" / "jobs")
    old, new = job(1), job(2)
    jobs.store(record(old, created=1_000))
    jobs.store(record(new, created=2_000))
    listed = json.loads(sealgrid("task", "list", "--json").out)
    assert [(each["task"], each["amount"], each["time"]) for each in listed] == [
        (new.task, 12, 2_000),
        (old.task, 12, 1_000),
    ]
    assert [line.split()[0] for line in sealgrid("task", "list").out.splitlines()] == [new.task, old.task]
    rows = list(csv.DictReader(io.StringIO(sealgrid("task", "list", "--csv").out)))
    assert [(row["task"], row["amount"]) for row in rows] == [(new.task, "12"), (old.task, "12")]


def test_without_a_network_the_list_says_that_names_and_states_are_unknown(sealgrid, tmp_path):
    JobStore(tmp_path / "home" / "jobs").store(record(job()))
    ended = sealgrid("task", "list")
    assert (ended.code, "unknown" in ended.out) == (0, True)
    assert "names and states are unknown: no local network is running" in ended.err


def test_the_list_is_selected_added_up_and_drawn(sealgrid, tmp_path):
    jobs = JobStore(tmp_path / "home" / "jobs")
    for number, created in enumerate((0, 1, 40 * 24 * 3600)):
        jobs.store(record(job(number), created=created))
    assert json.loads(sealgrid("task", "list", "--month", "2026-11", "--json").out) == []
    assert len(json.loads(sealgrid("task", "list", "--month", "1970-01", "--json").out)) == 2
    sums = json.loads(sealgrid("task", "list", "--by", "month", "--json").out)
    assert [(each["key"], each["runs"], each["amount"]) for each in sums] == [("1970-02", 1, 12), ("1970-01", 2, 24)]
    assert sealgrid("task", "list", "--by", "state", "--csv").out.splitlines() == [
        "key,name,runs,amount",
        "unknown,,3,36",
    ]
    bars = sealgrid("task", "list", "--chart").out.splitlines()
    assert [line.split()[0] for line in bars] == ["1970-01", "1970-02"]
    assert [line.count("█") + line.count("#") for line in bars] == [40, 20]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [("--month", "November", "is not a month; write it as 2026-11"), ("--state", "done", "is not a state of a run")],
)
def test_a_condition_that_no_run_can_meet_is_refused(sealgrid, option, value, message):
    ended = sealgrid("task", "list", option, value)
    assert (ended.code, message in ended.err) == (1, True)


def test_a_task_that_is_no_id_is_refused(sealgrid, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "network.json").write_bytes(msgspec.json.encode(network(folder="/nowhere")))
    ended = sealgrid("task", "show", "0x12")
    assert "'0x12' is not a valid task id" in ended.err
    assert ended.code == 1
