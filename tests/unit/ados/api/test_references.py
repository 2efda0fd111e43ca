"""References to readings: data URLs, and URLs of allowed origins alone, within limits."""

import base64

import httpx
import pytest

from sealgrid.ados.api.references import DataReferences
from sealgrid.errors import FileTooLarge, InputRefused, ServiceUnavailable

ORIGIN = "https://bucket.example"


@pytest.fixture
async def read():
    """Return a function that reads a reference, where the allowed host answers by path."""

    def answer(request):
        match request.url.path:
            case "/day.csv":
                return httpx.Response(200, stream=httpx.ByteStream(b"time,a\n1,2\n"))
            case "/large":
                return httpx.Response(200, stream=httpx.ByteStream(b"x" * 200))
            case "/packed":
                return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"x"))
            case "/moved":
                return httpx.Response(302, headers={"location": "http://127.0.0.1/secret"})
            case "/broken":
                raise httpx.ConnectError("no route")
        return httpx.Response(404)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        yield DataReferences((ORIGIN,), 100, client).read


async def test_readings_are_read_from_data_urls_and_allowed_origins(read):
    assert await read("data:text/csv;base64," + base64.b64encode(b"time,a\n").decode()) == b"time,a\n"
    assert await read("data:text/csv,time%2Ca%0A") == b"time,a\n"
    assert await read(f"{ORIGIN}/day.csv") == b"time,a\n1,2\n"


@pytest.mark.parametrize(
    ("reference", "error", "reason"),
    [
        ("http://127.0.0.1/day.csv", InputRefused, "no origin that this API reads; it reads: https://bucket.example"),
        ("https://bucket.example.evil/day.csv", InputRefused, "no origin"),
        ("https://me@bucket.example/day.csv", InputRefused, "no origin"),
        ("https://bucket.example:444/day.csv", InputRefused, "no origin"),
        ("file:///etc/passwd", InputRefused, "no origin"),
        ("https://[", InputRefused, "no origin"),
        (f"{ORIGIN}/moved", InputRefused, "answers 302"),
        (f"{ORIGIN}/absent", InputRefused, "answers 404"),
        (f"{ORIGIN}/large", FileTooLarge, "more than 100 bytes"),
        (f"{ORIGIN}/packed", InputRefused, "compressed"),
        (f"{ORIGIN}/broken", ServiceUnavailable, "ConnectError"),
        ("data:text/csv", InputRefused, "no comma"),
        ("data:text/csv;base64,%%%", InputRefused, "no base64"),
        ("data:," + "x" * 101, FileTooLarge, "more than 100 bytes"),
    ],
    ids=range(14),
)
async def test_what_is_not_allowed_is_refused(read, reference, error, reason):
    with pytest.raises(error, match=reason):
        await read(reference)
