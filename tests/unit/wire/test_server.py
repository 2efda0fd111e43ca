"""Access of other sites, errors in one sentence, compressed responses."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from litestar import Request, Response, get, head, post
from litestar.params import FromPath

from sealgrid.wire import server as server_module
from sealgrid.wire.server import (
    MAX_COMPRESSED_BYTES,
    MAX_NUMBER,
    AnyRequest,
    allow_cross_site_reads,
    compressed_response,
    cors_config,
    create_app,
    listen,
    serve,
)
from sealgrid.wire.service_access import ServiceAccess

PAGE = {"origin": "https://dapp.example"}


@get("/secret")
async def secret() -> str:
    return "for programs of this machine"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app([secret])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4000") as client:
        yield client


@get("/public/x")
async def public() -> str:
    return "public"


@head("/public/x")
async def whether() -> None: ...


@post("/public/x")
async def write(request: AnyRequest) -> int:
    return len(await request.body())


@pytest.fixture
async def half_open() -> AsyncIterator[httpx.AsyncClient]:
    paths = [secret, public, whether, write]
    app = create_app(
        paths, max_body=100, origin_check=allow_cross_site_reads(ServiceAccess(), "/public/"), cors=cors_config("GET")
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4000") as client:
        yield client


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4000", "localhost", "localhost:4000"])
async def test_a_program_of_this_machine_is_answered(http: httpx.AsyncClient, host: str) -> None:
    assert (await http.get("/secret", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4000", "127.0.0.1.evil.example", "localhost.evil.example:4000", ""]
)
async def test_a_page_whose_name_was_made_to_lead_here_is_refused(http: httpx.AsyncClient, host: str) -> None:
    answer = await http.get("/secret", headers={"host": host})
    assert answer.status_code == 403
    assert "not by another name" in answer.json()["error"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:4000"])
async def test_a_page_of_another_site_is_refused(http: httpx.AsyncClient, origin: str) -> None:
    answer = await http.get("/secret", headers={"origin": origin})
    assert answer.status_code == 403
    assert "pages of other sites" in answer.json()["error"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("into", ["image", "script", "iframe", "empty"])
async def test_a_page_of_another_site_loads_nothing_into_itself(http: httpx.AsyncClient, site: str, into: str) -> None:
    headers = {"sec-fetch-site": site, "sec-fetch-dest": into}
    assert (await http.get("/secret", headers=headers)).status_code == 403


@pytest.mark.parametrize(
    ("site", "into"), [("cross-site", "document"), ("none", "document"), ("same-origin", "empty"), ("none", "image")]
)
async def test_a_link_from_another_site_and_what_our_own_page_loads_are_answered(
    http: httpx.AsyncClient, site: str, into: str
) -> None:
    headers = {"sec-fetch-site": site, "sec-fetch-dest": into}
    assert (await http.get("/secret", headers=headers)).status_code == 200


@get("/pieces/{offset:int}")
async def piece(offset: FromPath[int]) -> int:
    return offset


@pytest.mark.parametrize(
    ("number", "status"),
    [("0", 200), (f"{MAX_NUMBER}", 200), (f"{MAX_NUMBER + 1}", 400), (f"{2**64}", 400), ("-1", 400), ("9" * 5000, 404)],
    ids=lambda value: str(value)[:20],
)
async def test_a_number_in_a_path_has_a_limit(number: str, status: int) -> None:
    transport = httpx.ASGITransport(app=create_app([piece]))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4000") as client:
        answer = await client.get(f"/pieces/{number}")
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]


async def test_a_page_of_the_service_itself_is_answered(http: httpx.AsyncClient) -> None:
    assert (await http.get("/secret", headers={"origin": "http://127.0.0.1:4000"})).status_code == 200


async def test_a_page_of_any_site_reads_what_is_public(half_open: httpx.AsyncClient) -> None:
    for method in ("GET", "HEAD"):
        found = await half_open.request(method, "/public/x", headers=PAGE)
        assert (found.is_success, found.headers["access-control-allow-origin"]) == (True, "*")
        assert "access-control-allow-credentials" not in found.headers
    preflight = PAGE | {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    allowed = await half_open.options("/public/x", headers=preflight)
    assert (allowed.is_success, allowed.headers["access-control-allow-origin"]) == (True, "*")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/secret"), ("POST", "/public/x"), ("GET", "/public"), ("GET", "/public/../secret")]
)
async def test_it_reads_nothing_else_and_writes_nothing(half_open: httpx.AsyncClient, method: str, path: str) -> None:
    assert not (await half_open.request(method, path, headers=PAGE)).is_success


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/{0}%00%ff", 404, "there is no /"),
        ("DELETE", "/public/x", 405, "/public/x does not take DELETE."),
        ("POST", "/public/x", 413, "larger than this service takes"),
    ],
)
async def test_what_no_handler_answers_is_answered_in_a_sentence(
    half_open: httpx.AsyncClient, method: str, path: str, status: int, sentence: str
) -> None:
    found = await half_open.request(method, path, content=b"x" * 101 if status == 413 else None)
    assert (found.status_code, sentence in found.json()["error"]) == (status, True), found.text
    assert status != 405 or "GET" in found.headers["allow"]


DOCUMENT = b'{"quote": "' + b"0a" * 4000 + b'"}'
CIPHERTEXT = os.urandom(4000)
LARGE = bytes(MAX_COMPRESSED_BYTES + 1)
Ask = Callable[[bytes, str], Awaitable[httpx.Response]]


@pytest.fixture
def ask() -> Ask:
    async def get_document(content: bytes, coding: str) -> httpx.Response:
        @get("/")
        async def handler(request: Request) -> Response[bytes]:
            return compressed_response(request, content)

        transport = httpx.ASGITransport(create_app([handler]))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4000") as client:
            return await client.get("/", headers={"accept-encoding": coding})

    return get_document


async def test_a_document_travels_packed_and_arrives_as_it_was(ask: Ask):
    answer = await ask(DOCUMENT, "gzip, deflate")
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(DOCUMENT) / 10
    assert answer.content == DOCUMENT


@pytest.mark.parametrize(("content", "coding"), [(DOCUMENT, "identity"), (CIPHERTEXT, "gzip"), (LARGE, "gzip")])
async def test_what_gets_no_smaller_or_is_not_wanted_packed_travels_as_it_is(ask: Ask, content: bytes, coding: str):
    answer = await ask(content, coding)
    assert "content-encoding" not in answer.headers
    assert answer.content == content


async def test_the_file_descriptor_of_a_cancelled_service_can_be_used_again():
    for _ in range(3):
        sock, ready = listen(), asyncio.Event()
        serving = asyncio.create_task(serve(create_app([]), sock, ready.set))
        await asyncio.wait_for(ready.wait(), 10)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        sock.close()
        with listen() as other:  # takes the lowest free number, the cancelled one's
            server = await asyncio.start_server(lambda _reader, writer: writer.close(), sock=other)
            _, writer = await asyncio.open_connection(*other.getsockname())
            writer.close()
            server.close()


async def test_a_signal_answers_a_request_that_waits_before_the_server_ends(
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
):
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # the server raises the signal again at its end
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, before))
    waits, stopping, ready = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @get("/jobs")
    async def wait_for_a_job() -> str:
        waits.set()
        await stopping.wait()
        return "no job"

    with listen() as sock:
        serving = asyncio.create_task(serve(create_app([wait_for_a_job]), sock, ready.set, stopping=stopping.set))
        await asyncio.wait_for(ready.wait(), 60)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}", timeout=60) as client:
            waiting = asyncio.create_task(client.get("/jobs"))
            await asyncio.wait_for(waits.wait(), 60)
            os.kill(os.getpid(), signal.SIGTERM)
            answer = await waiting
        await asyncio.wait_for(serving, 60)
    assert (answer.status_code, answer.text, answer.headers.get("connection")) == (200, "no job", "close")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_request_that_waits_for_longer_than_the_server_is_told_so_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
):
    monkeypatch.setattr(server_module, "STOP_SECONDS", 0)
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # the server raises the signal again at its end
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, before))
    waits, ready = asyncio.Event(), asyncio.Event()

    @get("/jobs")
    async def wait_for_ever() -> str:
        waits.set()
        await asyncio.Event().wait()
        return "never"

    with listen() as sock:
        serving = asyncio.create_task(serve(create_app([wait_for_ever]), sock, ready.set))
        await asyncio.wait_for(ready.wait(), 60)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}", timeout=60) as client:
            waiting = asyncio.create_task(client.get("/jobs"))
            await asyncio.wait_for(waits.wait(), 60)
            os.kill(os.getpid(), signal.SIGTERM)
            answer = await waiting
        await asyncio.wait_for(serving, 60)
    assert (answer.status_code, answer.json()) == (503, {"error": "this service stops; send the request again."})
    assert [record.exc_info for record in caplog.records if record.exc_info] == []
