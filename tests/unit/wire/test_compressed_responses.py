"""Small answers travel packed to whoever takes that, and no answer fills its asker's memory."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar import Request, Response, get

from sealgrid.errors import ServiceUnavailable
from sealgrid.wire.http_transport import MOST_ANSWER_BYTES, HttpTransport
from sealgrid.wire.server import MAX_COMPRESSED_BYTES, compressed_response, create_app

DOCUMENT = b'{"quote": "' + b"0a" * 4000 + b'"}'
CIPHERTEXT = os.urandom(4000)
LARGE = bytes(MAX_COMPRESSED_BYTES + 1)
Ask = Callable[[bytes, str], Awaitable[httpx.Response]]


@pytest.fixture
def ask() -> Ask:
    async def asked(content: bytes, coding: str) -> httpx.Response:
        @get("/")
        async def handler(request: Request) -> Response[bytes]:
            return compressed_response(request, content)

        transport = httpx.ASGITransport(create_app([handler]))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4000") as client:
            return await client.get("/", headers={"accept-encoding": coding})

    return asked


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


@pytest.mark.parametrize("packing", ["gzip", "identity"])
async def test_a_service_that_answers_without_end_is_given_up(packing: str):
    endless = gzip.compress(bytes(2 * MOST_ANSWER_BYTES)) if packing == "gzip" else bytes(MOST_ANSWER_BYTES + 1)
    async with answering(endless, packing) as url, HttpTransport(url) as transport:
        with pytest.raises(ServiceUnavailable, match="more than the limit of"):
            await transport.request("GET", "/")


async def test_an_answer_up_to_the_limit_is_taken():
    async with answering(gzip.compress(bytes(MOST_ANSWER_BYTES)), "gzip") as url, HttpTransport(url) as transport:
        assert len(await transport.request("GET", "/")) == MOST_ANSWER_BYTES


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
