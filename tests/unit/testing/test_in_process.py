"""HTTP without sockets: routing by host, services that stop, clients that give up."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar import get

from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable
from sealgrid.testing.in_process import InProcessHttp, InProcessService, asgi_service
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.server import create_app
from sealgrid.wire.service_access import ServiceAccess

ACCESS = ServiceAccess(public_url="http://greeter.test")


class Greeter:
    """A service with one route that answers, one that fails, and one that waits until the test lets it go on."""

    def __init__(self) -> None:
        self.release, self.entered, self.finished = asyncio.Event(), asyncio.Event(), False

    @asynccontextmanager
    async def open(self):
        @get("/hello")
        async def hello() -> str:
            return "hello"

        @get("/missing")
        async def missing() -> str:
            raise NotFound("there is no greeting.")

        @get("/slow")
        async def slow() -> str:
            self.entered.set()
            await self.release.wait()
            self.finished = True
            return "at last"

        yield create_app([hello, missing, slow], access=ACCESS)


@pytest.fixture
def greeter() -> Greeter:
    return Greeter()


@pytest.fixture
async def http(greeter):
    http = InProcessHttp()
    service = asgi_service(http, "greeter.test", greeter.open)
    await service.start()
    http.service = service
    yield http
    await service.stop()


def client(http: InProcessHttp, url: str = "http://greeter.test", timeout: float = 30) -> HttpTransport:
    return HttpTransport(url, name="the greeter", timeout=timeout, http=http)


async def test_a_request_reaches_the_application_of_its_host_name(http):
    assert await client(http).request("GET", "/hello") == b"hello"


async def test_an_error_of_the_service_is_raised_at_the_client(http):
    with pytest.raises(NotFound, match="no greeting"):
        await client(http).request("GET", "/missing")


async def test_no_other_host_name_is_answered(http):
    with pytest.raises(ServiceUnavailable, match="ConnectError"):
        await client(http, "http://stranger.test").request("GET", "/hello")


async def test_a_stopped_service_does_not_answer_until_it_is_started_again(http):
    await http.service.stop()
    with pytest.raises(ServiceUnavailable, match="ConnectError"):
        await client(http).request("GET", "/hello")
    await http.service.start()
    assert await client(http).request("GET", "/hello") == b"hello"


async def test_a_request_to_a_service_that_starts_waits_for_it(greeter):
    http, proceed = InProcessHttp(), asyncio.Event()

    @asynccontextmanager
    async def open_later():
        await proceed.wait()
        async with greeter.open() as app:
            yield app

    service = asgi_service(http, "greeter.test", open_later)
    starting = asyncio.create_task(service.start())
    await asyncio.sleep(0)  # the service's task runs up to its wait
    await asyncio.sleep(0)
    asking = asyncio.create_task(client(http).request("GET", "/hello"))
    proceed.set()
    assert await asking == b"hello"
    await starting
    await service.stop()


async def test_a_client_that_gives_up_does_not_end_the_request(http, greeter):
    asking = asyncio.create_task(client(http).request("GET", "/slow"))
    await greeter.entered.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not greeter.finished
    greeter.release.set()
    await http.service.stop()  # lets the requests end
    assert greeter.finished


async def test_a_client_with_a_time_limit_stops_waiting(http, greeter):
    with pytest.raises(ServiceUnavailable, match="ReadTimeout"):
        await client(http, timeout=0.01).request("GET", "/slow")
    greeter.release.set()


async def test_a_service_that_stops_cancels_the_requests_that_do_not_end(http, greeter):
    asking = asyncio.create_task(client(http).request("GET", "/slow"))
    await greeter.entered.wait()
    await http.service.stop()
    with pytest.raises(ServiceUnavailable, match="ReadError"):
        await asking
    assert not greeter.finished


async def test_closing_one_client_leaves_the_services_to_the_others(http):
    async with client(http) as first:
        await first.request("GET", "/hello")
    assert await client(http).request("GET", "/hello") == b"hello"


async def test_a_service_that_cannot_open_raises_its_error_at_its_start():
    http = InProcessHttp()

    @asynccontextmanager
    async def refuse():
        raise InputRefused("the folder belongs to another vault.")
        yield

    with pytest.raises(InputRefused, match="another vault"):
        await asgi_service(http, "vault.test", refuse).start()
    with pytest.raises(ServiceUnavailable):
        await client(http, "http://vault.test").request("GET", "/hello")


async def test_a_service_that_failed_raises_its_error_when_it_is_stopped():
    failing = asyncio.Event()

    async def body(ready):
        ready()
        await failing.wait()
        raise RuntimeError("the disk is full")

    service = InProcessService(body)
    await service.start()
    failing.set()
    await asyncio.wait({service._task})
    with pytest.raises(RuntimeError, match="disk is full"):
        await service.stop()


async def test_the_services_check_of_the_host_name_holds_without_a_socket_too(http):
    answer = await httpx.AsyncClient(transport=http).get("http://greeter.test/hello", headers={"host": "evil.example"})
    assert answer.status_code == 403
