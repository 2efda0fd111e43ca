"""The HTTP client of a service: bounded replies, and repeated requests."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from sealgrid.errors import AnswerTooLarge, ServiceUnavailable, TooManyRequests
from sealgrid.wire import http_transport
from sealgrid.wire.http_transport import MAX_ANSWER_BYTES, HttpTransport, read_bounded, trust_certificate
from sealgrid.wire.service_access import ServiceAccess
from tests.unit.wire.certificates import write_certificate
from tests.unit.wire.serving_on_loopback import serving


@pytest.mark.parametrize("packing", ["gzip", "identity"])
async def test_a_service_that_answers_without_end_is_given_up(packing: str):
    endless = gzip.compress(bytes(2 * MAX_ANSWER_BYTES)) if packing == "gzip" else bytes(MAX_ANSWER_BYTES + 1)
    async with answering(endless, packing) as url, HttpTransport(url) as transport:
        with pytest.raises(AnswerTooLarge, match="more than the limit of"):
            await transport.request("GET", "/")


async def test_an_answer_up_to_the_limit_is_taken():
    async with answering(gzip.compress(bytes(MAX_ANSWER_BYTES)), "gzip") as url, HttpTransport(url) as transport:
        assert len(await transport.request("GET", "/")) == MAX_ANSWER_BYTES


@pytest.mark.parametrize("packing", ["gzip, gzip", "deflate", "br"])
async def test_an_answer_in_an_encoding_that_was_not_asked_for_is_not_unpacked(packing: str):
    bomb = gzip.compress(gzip.compress(bytes(1 << 20)))
    async with answering(bomb, packing) as url, HttpTransport(url) as transport:
        with pytest.raises(ServiceUnavailable, match="was not asked for"):
            await transport.request("GET", "/")


async def test_a_small_answer_that_unpacks_to_more_than_the_limit_never_takes_its_whole_memory():
    limit, bomb = 1 << 20, gzip.compress(bytes(16 << 20))  # of 16 KiB, which arrive in one piece
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(bomb))
    tracemalloc.start()
    with pytest.raises(AnswerTooLarge):
        await read_bounded(answer, limit, "the service")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * limit


@pytest.mark.parametrize("change", [lambda packed: packed[:-9], lambda packed: b"no gzip" + packed])
async def test_an_answer_that_is_not_whole_gzip_is_refused(change):
    async with answering(change(gzip.compress(b"hello")), "gzip") as url, HttpTransport(url) as transport:
        with pytest.raises(ServiceUnavailable):
            await transport.request("GET", "/")


async def test_the_size_of_a_file_is_that_of_its_header():
    async with answering(b"model", "identity") as url, HttpTransport(url) as transport:
        assert await transport.content_length("/file") == 5


async def test_a_file_without_a_reported_size_is_not_read():
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1")
    async with server, HttpTransport(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as transport:
        with pytest.raises(ServiceUnavailable, match="reports no size"):
            await transport.content_length("/file")


class Trickle(httpx.AsyncByteStream, httpx.AsyncBaseTransport):
    """A service that sends a byte now and then, before any time limit of a step."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b"x"


async def test_a_service_that_sends_a_byte_now_and_then_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_transport, "CONNECT_SECONDS", 0.0)
    async with HttpTransport("http://vault", timeout=0.1, http=Trickle()) as transport:
        with pytest.raises(ServiceUnavailable, match="does not answer"):
            await transport.request("GET", "/")


@asynccontextmanager
async def answering(body: bytes, packing: str) -> AsyncIterator[str]:
    """Serve one fixed answer on loopback."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {packing}\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_client_waits_for_the_retry_after_of_a_service():
    async with (
        serving(ServiceAccess(requests_per_minute=60)) as port,
        HttpTransport(f"http://127.0.0.1:{port}") as client,
    ):
        assert [await client.request("GET", "/") for _ in range(61)] == [b"hello"] * 61


async def test_a_retry_after_that_is_too_long_is_raised():
    async with (
        serving(ServiceAccess(requests_per_minute=1)) as port,
        HttpTransport(f"http://127.0.0.1:{port}") as client,
    ):
        await client.request("GET", "/")
        with pytest.raises(TooManyRequests, match="ask again in"):
            await client.request("GET", "/")


async def test_a_certificate_is_accepted_once_it_is_trusted(tmp_path: Path):
    certificate, key = write_certificate(tmp_path, "127.0.0.1")
    async with (
        serving(ServiceAccess(certificate=str(certificate), certificate_key=str(key))) as port,
        HttpTransport(f"https://127.0.0.1:{port}") as client,
    ):
        with pytest.raises(ServiceUnavailable, match="does not answer"):
            await client.request("GET", "/")
        trust_certificate(certificate)
        assert await client.request("GET", "/") == b"hello"
