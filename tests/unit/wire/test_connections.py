"""Silent, slow and many connections cost a service a bounded time and number; other clients are served meanwhile."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from litestar import get
from litestar.response import Stream

from sealgrid.wire.server import create_app
from sealgrid.wire.service_access import ServiceAccess
from tests.unit.wire.serving_on_loopback import FLOOD, HONEST, Raw, client_from, serving

HEAD = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
PATIENT = ServiceAccess(head_seconds=20, body_seconds=20)


async def opened(stack: AsyncExitStack, port: int, many: int, content: bytes, *, address: str = FLOOD) -> list[Raw]:
    raws = [await Raw.open(port, content, address=address) for _ in range(many)]
    for raw in raws:
        stack.push_async_callback(raw.close)
    return raws


async def until_closed(raws: list[Raw], many: int) -> None:
    async with asyncio.timeout(20):
        while sum(raw.closed for raw in raws) < many:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("head", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"\r\n\r\n"])
async def test_a_head_that_is_not_complete_in_time_ends_its_connection(head: bytes):
    async with serving(ServiceAccess(head_seconds=0.2)) as port, AsyncExitStack() as stack:
        (slow,) = await opened(stack, port, 1, head)
        answer = await slow.rest()
    assert b" 408 " in answer.partition(b"\r\n")[0]
    assert b"did not arrive in time" in answer


async def test_a_second_request_that_is_never_complete_ends_its_connection_too():
    whole = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    async with serving(ServiceAccess(head_seconds=0.2)) as port, AsyncExitStack() as stack:
        (slow,) = await opened(stack, port, 1, whole)
        await slow.reader.readuntil(b"hello")
        slow.writer.write(b"\r\n")
        answer = await slow.rest()
    assert b" 408 " in answer


async def test_a_body_that_is_not_complete_in_time_ends_its_connection_and_its_handler():
    async with serving(ServiceAccess(body_seconds=0.2)) as port, AsyncExitStack() as stack:
        (slow,) = await opened(stack, port, 1, HEAD + b"Content-Length: 900000\r\n\r\nabc")
        answer = await slow.rest()
    assert b" 408 " in answer.partition(b"\r\n")[0]


async def test_a_body_that_keeps_its_rate_has_more_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sealgrid.wire.connections.BODY_RATE", 10)
    async with serving(ServiceAccess(body_seconds=0.2)) as port, AsyncExitStack() as stack:
        (steady,) = await opened(stack, port, 1, HEAD + b"Content-Length: 100\r\n\r\n")
        for _ in range(10):
            steady.writer.write(b"x" * 10)
            await asyncio.sleep(0.05)  # half a second in all, more than a silent body has
        assert b" 201 " in await steady.reader.readline()


async def test_a_head_without_end_is_refused():
    async with serving(PATIENT) as port, AsyncExitStack() as stack:
        (long,) = await opened(stack, port, 1, HEAD + b"x: " + b"y" * 300_000)
        answer = await long.rest()
    assert answer == b"" or b" 431 " in answer.partition(b"\r\n")[0]
    assert long.closed


async def test_an_honest_client_is_served_while_silent_connections_fill_every_place():
    access = ServiceAccess(connections=20, connections_per_client=0, head_seconds=20, body_seconds=20)
    half = HEAD + b"Content-Length: 900000\r\n\r\n"
    async with serving(access) as port, AsyncExitStack() as stack:
        silent = await opened(stack, port, 20, b"GET /ident", address=HONEST)
        silent += await opened(stack, port, 20, half, address=HONEST)
        await until_closed(silent, 20)
        async with client_from(HONEST, port) as honest:
            assert (await honest.get("/")).text == "hello"
            assert (await honest.post("/", content=b"x" * 70_000)).text == "70000"
        assert [raw.closed for raw in silent] != [True] * 40


async def test_a_client_has_so_many_connections_and_its_own_silent_ones_make_room():
    async with serving(ServiceAccess(connections_per_client=5, head_seconds=20)) as port, AsyncExitStack() as stack:
        silent = await opened(stack, port, 8, b"GET /")
        await until_closed(silent, 3)
        assert [raw.closed for raw in silent] == [True] * 3 + [False] * 5
        async with client_from(FLOOD, port) as same, client_from(HONEST, port) as other:
            assert [(await each.get("/")).status_code for each in (same, other)] == [200, 200]


@get("/endless")
async def endless() -> Stream:
    async def pieces():
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    return Stream(pieces())


async def test_a_client_whose_every_connection_is_answered_gets_no_further_one():
    access = ServiceAccess(connections_per_client=3)
    async with serving(access, create_app([endless], access=access)) as port, AsyncExitStack() as stack:
        ask = b"GET /endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for raw in await opened(stack, port, 3, ask):
            await raw.reader.readuntil(b"x")
        (further,) = await opened(stack, port, 1, ask)
        answer = await further.rest()
        assert b" 429 " in answer.partition(b"\r\n")[0]
        assert b"retry-after: 10" in answer
        (other,) = await opened(stack, port, 1, ask, address=HONEST)
        assert b" 200 " in await other.reader.readline()


async def test_a_client_that_does_not_read_its_answer_is_cut_off():
    access, ended = ServiceAccess(write_seconds=0.2), asyncio.Event()

    @get("/large")
    async def large() -> Stream:
        async def pieces():
            try:
                while True:
                    await asyncio.sleep(0)
                    yield bytes(1 << 20)
            finally:
                ended.set()

        return Stream(pieces())

    async with serving(access, create_app([large], access=access)) as port:
        with socket.create_connection(("127.0.0.1", port)) as deaf:
            deaf.sendall(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await asyncio.wait_for(ended.wait(), 60)


FEW_FILES = """
import asyncio, os, sys
from sealgrid.wire.service_access import ServiceAccess
from sealgrid.wire.server import create_app, listen, serve
from tests.unit.wire.serving_on_loopback import hello
sock = listen()
taken = []
def exhaust():
    print(sock.getsockname()[1], flush=True)
    try:
        while True: taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError: pass
    asyncio.get_running_loop().add_reader(0, lambda: (os.read(0, 1), [os.close(each) for each in taken], taken.clear()))
asyncio.run(serve(create_app([hello]), sock, exhaust, ServiceAccess()))
"""


def test_a_service_without_free_files_writes_a_few_lines_and_serves_again(tmp_path: Path):
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"ulimit -n 300; exec {sys.executable} -c '{FEW_FILES}'"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            cwd=Path(__file__).parents[3],
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
        for each in waiting:
            each.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        _until(lambda: b"out of system resource" in log.read_bytes())
        process.stdin.write(b"x")
        process.stdin.flush()
        for each in waiting:
            each.settimeout(30)
            assert each.recv(1000).startswith(b"HTTP/1.1 200"), log.read_text()
            each.close()
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    assert len(re.findall("out of system resource", log.read_text())) <= 10
    assert log.stat().st_size < 50_000


def _until(condition) -> None:
    import time

    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_services_connections_leave_files_free_for_its_own_use():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (500, 500)); "
        "from sealgrid.wire.connections import OpenConnections; from sealgrid.wire.service_access import ServiceAccess; "
        "print(OpenConnections(ServiceAccess(connections=10**6)).limit)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert int(done.stdout) == 500 - 356
