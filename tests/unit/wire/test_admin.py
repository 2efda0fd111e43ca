"""Admin listener: on its own address, ends with its service, closed to pages of other sites."""

import asyncio
import socket

import httpx
import pytest
from litestar import get

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.wire.admin import admin_application, serve_monitored
from sealgrid.wire.server import create_app, listen
from sealgrid.wire.service_access import ServiceAccess
from sealgrid.wire.service_monitor import ServiceMonitor


@get("/hello")
async def hello() -> str:
    return "hello"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def admin_client(monitor: ServiceMonitor, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(admin_application(monitor, "10.0.0.5"))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://10.0.0.5:9100", headers=headers)


async def test_a_service_answers_its_operator_on_another_address_than_its_clients() -> None:
    monitor, ready, port = ServiceMonitor("market"), asyncio.Event(), free_port()
    access = ServiceAccess(admin=f"127.0.0.1:{port}")
    with listen() as sock:
        service = f"http://127.0.0.1:{sock.getsockname()[1]}"
        serving = asyncio.create_task(serve_monitored(create_app([hello]), sock, ready.set, access, monitor))
        await ready.wait()
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{service}/hello")).text == "hello"
            assert (await client.get(f"{service}/livez")).status_code == 404
            admin = f"http://127.0.0.1:{port}"
            assert (await client.get(f"{admin}/livez")).text == "ok\n"
            assert (await client.get(f"{admin}/hello")).status_code == 404
            assert (
                'sealgrid_market_requests_total{method="GET",route="/hello",status="2xx"} 1.0'
                in (await client.get(f"{admin}/metrics")).text
            )
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
    with socket.socket() as after:
        assert after.connect_ex(("127.0.0.1", port)) != 0


async def test_an_admin_address_that_is_taken_ends_the_service_before_it_is_ready() -> None:
    ready = asyncio.Event()
    with listen() as taken, listen() as sock:
        access = ServiceAccess(admin=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(InputRefused, match="cannot be used"):
            await serve_monitored(create_app([hello]), sock, ready.set, access, ServiceMonitor("market"))
    assert not ready.is_set()


async def test_readiness_names_what_fails() -> None:
    async def fails() -> None:
        raise ServiceUnavailable("the chain does not answer.", money="")

    monitor = ServiceMonitor("vault")
    async with admin_client(monitor) as client:
        assert (await client.get("/readyz")).json() == {"ready": True, "failed": {}}
        monitor.add_check("chain", fails)
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["failed"]) == (503, {"chain": "the chain does not answer."})
        assert (await client.get("/version")).json()["service"] == "vault"


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"host": "evil.example"}])
async def test_a_page_of_another_site_cannot_read_the_metrics(headers: dict[str, str]) -> None:
    async with admin_client(ServiceMonitor("vault"), **headers) as client:
        assert (await client.get("/metrics")).status_code == 403


@pytest.mark.parametrize("address", ["9100", ":9100", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x"])
def test_a_malformed_admin_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        ServiceAccess(admin=address)


def test_an_admin_address_may_be_ipv6() -> None:
    assert ServiceAccess(admin="[::1]:9100").admin_address == ("::1", 9100)
