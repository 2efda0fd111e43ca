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
    assert [(each["task"], each["price"], each["created"]) for each in listed] == [
        (new.task, 12, 2_000),
        (old.task, 12, 1_000),
    ]
    assert [line.split()[0] for line in sealgrid("task", "list").out.splitlines()] == [new.task, old.task]
    rows = list(csv.DictReader(io.StringIO(sealgrid("task", "list", "--csv").out)))
    assert [(row["task"], row["price"]) for row in rows] == [(new.task, "12"), (old.task, "12")]


def test_a_task_that_is_no_id_is_refused(sealgrid, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "network.json").write_bytes(msgspec.json.encode(network(folder="/nowhere")))
    ended = sealgrid("task", "show", "0x12")
    assert "'0x12' is not a valid task id" in ended.err
    assert ended.code == 1
