"""Metrics and readiness of a worker."""

from msgspec.structs import replace

from sealgrid.machine.worker_monitor import SILENT_SECONDS, worker_monitor
from sealgrid.units import TaskId, to_digest
from sealgrid.worker.work_record import RunningTask, WorkStatus

STARTED = 1000.0
IDLE = WorkStatus(process=1, slots=3, started=STARTED, last_contact=STARTED + 10, day="2026-11-29", done=5, lost=1)
BUSY = replace(IDLE, running=(RunningTask(TaskId(to_digest(bytes(32))), "running", STARTED),))


async def test_slots_and_ended_tasks_are_metrics() -> None:
    registry = worker_monitor(lambda: BUSY, lambda: STARTED, lambda: {"other_bytes": 2.0}).registry
    slots = {kind: registry.get_sample_value("sealgrid_worker_slots", {"kind": kind}) for kind in ("busy", "free")}
    tasks = {
        kind: registry.get_sample_value("sealgrid_worker_tasks_today", {"kind": kind}) for kind in ("done", "lost")
    }
    assert (slots, tasks) == ({"busy": 1, "free": 2}, {"done": 5, "lost": 1})


async def test_a_worker_whose_requests_for_jobs_fail_for_long_is_not_ready_whether_idle_or_busy() -> None:
    for status in (IDLE, BUSY):
        silent = replace(status, silent_since=STARTED)
        assert await worker_monitor(lambda: silent, lambda: STARTED + SILENT_SECONDS).failed_checks() == {}  # noqa: B023
        late = await worker_monitor(lambda: silent, lambda: STARTED + SILENT_SECONDS + 1).failed_checks()  # noqa: B023
        assert list(late) == ["pool"]


async def test_a_worker_that_asks_for_no_job_is_ready_however_long_ago_its_pool_answered() -> None:
    closed = worker_monitor(lambda: IDLE, lambda: STARTED + 100 * SILENT_SECONDS)
    assert await closed.failed_checks() == {}
