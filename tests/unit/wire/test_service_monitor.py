"""Metrics and readiness of a service: counted by route, refused by check, and readable when a part fails."""

import asyncio

import httpx
import pytest
from litestar import get, post
from litestar.params import FromPath
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sealgrid.errors import CheckFailed, ServiceUnavailable
from sealgrid.wire import service_monitor
from sealgrid.wire.server import create_app
from sealgrid.wire.service_monitor import ServiceMonitor


def samples(monitor: ServiceMonitor, name: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(generate_latest(monitor.registry).decode())
    return {
        tuple(value for label, value in sorted(sample.labels.items()) if label != "le"): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


@get("/files/{name:str}")
async def file(name: FromPath[str]) -> str:
    return name


@post("/releases", status_code=200)
async def release() -> None:
    raise CheckFailed("7.3", "the enclave is not approved.")


async def test_requests_are_counted_by_route_and_not_by_path() -> None:
    monitor = ServiceMonitor("storage")
    app = monitor.count_requests(create_app([file, release]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        for path in ("/files/a", "/files/b", "/nothing"):
            await client.get(path)
        await client.post("/releases")
    counted = samples(monitor, "sealgrid_storage_requests_total")
    assert counted == {
        ("GET", "/files/{name}", "2xx"): 2,
        ("GET", "none", "4xx"): 1,
        ("POST", "/releases", "4xx"): 1,
    }
    assert samples(monitor, "sealgrid_storage_refusals_total") == {("7.3",): 1}
    assert samples(monitor, "sealgrid_storage_request_duration_seconds_count")[("/files/{name}",)] == 2
    assert samples(monitor, "sealgrid_storage_open_requests") == {(): 0}


async def test_a_gauge_that_cannot_be_read_leaves_the_others() -> None:
    monitor = ServiceMonitor("market")

    def fails() -> dict[str, float]:
        raise OSError("the disk is gone")

    monitor.add_gauge("open_orders", "Orders.", lambda: {"apporders": 3})
    monitor.add_gauge("broken", "Broken.", fails)
    assert samples(monitor, "sealgrid_market_open_orders") == {("apporders",): 3}
    assert samples(monitor, "sealgrid_market_broken") == {}


async def test_a_service_is_ready_when_every_check_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def passes() -> None:
        return None

    async def fails() -> None:
        raise ServiceUnavailable("the chain does not answer.", money="")

    async def hangs() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(service_monitor, "CHECK_SECONDS", 0.01)
    monitor = ServiceMonitor("vault")
    monitor.add_check("store", passes)
    assert await monitor.failed_checks() == {}
    monitor.add_check("chain", fails)
    monitor.add_check("peers", hangs)
    assert await monitor.failed_checks() == {
        "chain": "the chain does not answer.",
        "peers": "no answer within 0.01 seconds",
    }
