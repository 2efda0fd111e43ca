"""Metrics and readiness of a worker."""

from msgspec.structs import replace

from sealgrid.machine.worker_monitor import SILENT_SECONDS, worker_monitor
from sealgrid.units import TaskId, to_digest
from sealgrid.worker.work_record import RunningTask, WorkStatus

STARTED = 1000.0
IDLE = WorkStatus(process=1, slots=3, started=STARTED, last_contact=STARTED + 10, day="2026-11-29", done=5, lost=1)
BUSY = replace(IDLE, running=(RunningTask(TaskId(to_digest(bytes(32))), "running", STARTED),))


async def test_slots_and_ended_tasks_are_metrics() -> None:
    registry = worker_monitor(lambda: BUSY, lambda: STARTED).registry
    slots = {kind: registry.get_sample_value("sealgrid_worker_slots", {"kind": kind}) for kind in ("busy", "free")}
    tasks = {
        kind: registry.get_sample_value("sealgrid_worker_tasks_today", {"kind": kind}) for kind in ("done", "lost")
    }
    assert (slots, tasks) == ({"busy": 1, "free": 2}, {"done": 5, "lost": 1})


async def test_an_idle_worker_that_its_pool_does_not_answer_is_not_ready() -> None:
    silent = STARTED + 10 + SILENT_SECONDS + 1
    assert await worker_monitor(lambda: IDLE, lambda: STARTED + 11).failed_checks() == {}
    assert list(await worker_monitor(lambda: IDLE, lambda: silent).failed_checks()) == ["pool"]
    assert await worker_monitor(lambda: BUSY, lambda: silent).failed_checks() == {}, "a job may take longer"


async def test_a_worker_that_never_reached_its_pool_is_not_ready_for_long() -> None:
    never = replace(IDLE, last_contact=None)
    assert await worker_monitor(lambda: never, lambda: STARTED + 1).failed_checks() == {}
    assert list(await worker_monitor(lambda: never, lambda: STARTED + SILENT_SECONDS + 1).failed_checks()) == ["pool"]
