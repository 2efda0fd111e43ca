"""Metrics and readiness of a worker, for the operator of its machine."""

from collections.abc import Callable, Mapping
from typing import Final

from sealgrid.errors import ServiceUnavailable
from sealgrid.wire.service_monitor import ServiceMonitor
from sealgrid.worker.work_record import WorkStatus

SILENT_SECONDS: Final = (
    60.0  #: without an answer of the pool, after which the worker is not ready; a long poll takes 20
)


def worker_monitor(
    status: Callable[[], WorkStatus],
    clock: Callable[[], float],
    storage_faults: Callable[[], Mapping[str, float]] = dict,
) -> ServiceMonitor:
    """Return the monitor of a worker; ``clock`` returns Unix seconds, ``storage_faults`` counts by kind."""

    def slots() -> dict[str, float]:
        now = status()
        return {"busy": len(now.running), "free": now.slots - len(now.running)}

    def tasks() -> dict[str, float]:
        return {"done": status().done, "lost": status().lost}

    async def check_pool() -> None:
        since = status().silent_since
        if since is not None and clock() - since > SILENT_SECONDS:
            raise ServiceUnavailable(f"the pool has not answered for {clock() - since:.0f} seconds.", money="")

    monitor = ServiceMonitor("worker")
    monitor.add_gauge("slots", "Tasks that the worker can run at a time.", slots)
    monitor.add_gauge("tasks_today", "Tasks that ended today, in UTC: paid, or without a result.", tasks)
    monitor.add_gauge("storage_faults", "Storage nodes that did not answer, or gave other bytes.", storage_faults)
    monitor.add_check("pool", check_pool)
    return monitor
