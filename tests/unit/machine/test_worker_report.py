"""The report of a worker says what it does, what it stores and what it earned."""

from dataclasses import replace
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.machine.start import WorkerMachine, load_or_create_key
from sealgrid.machine.worker_report import WorkerMoney, report_lines, worker_report
from sealgrid.sdk.amounts import Amount
from sealgrid.worker.work_record import RunningTask, WorkStatus
from tests.unit.sdk.network_file import network
from tests.unit.worker.job_scene import JOB

UNREACHABLE = network()


async def test_a_worker_that_does_not_run_is_reported_from_its_folder_without_a_chain(tmp_path: Path):
    machine = WorkerMachine(UNREACHABLE, tmp_path)
    key = load_or_create_key(machine)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "file").write_bytes(bytes(3_000_000))
    report = await worker_report(machine)
    lines = list(report_lines(report, 0.0))
    assert lines[0] == f"worker   {key.address} of pool {UNREACHABLE.workerpool} (not running)"
    assert lines[1] == "caches   3 MB of files, 0 MB of the runtime"
    assert lines[2].startswith("money    unknown: ")


async def test_a_running_worker_is_reported_with_its_slots_tasks_and_money(tmp_path: Path):
    machine = WorkerMachine(UNREACHABLE, tmp_path)
    load_or_create_key(machine)
    work = WorkStatus(
        process=7,
        slots=2,
        started=0.0,
        last_contact=95.0,
        running=(RunningTask(JOB.task, "launched", 88.0),),
        day="2030-01-01",
        done=5,
        lost=1,
    )
    money = WorkerMoney(Amount(2 * 10**9), Amount(10**9), 5 * 10**17)
    report = replace(await worker_report(machine), is_running=True, work=work, money=money)
    first, *others = report_lines(report, 100.0)
    assert first.endswith("(running, process 7)")
    assert others == [
        "slots    2, of which 1 busy",
        f"task     {JOB.task}  launched for 12 s",
        "tasks    5 done, 1 lost on 2030-01-01",
        "contact  the pool answered 5 s ago",
        "caches   0 MB of files, 0 MB of the runtime",
        "money    earned 2 RLC, 1 RLC in escrow, 0.5000 ether for gas",
    ]


async def test_a_machine_without_a_worker_says_how_to_start_one(tmp_path: Path):
    with pytest.raises(InputRefused, match="sealgrid worker start"):
        await worker_report(WorkerMachine(UNREACHABLE, tmp_path))
