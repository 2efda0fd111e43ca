"""Frames of the relay are bounded, and a broken relay ends every open call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from sealgrid.errors import (
    AppFailed,
    ContainerRefused,
    FileUnopened,
    HostFailed,
    InputRefused,
    NotFound,
    ReleaseRefused,
    SealgridError,
    StoreFull,
    TaskFailed,
)
from sealgrid.wire.relay import MAX_FRAME_BYTES, RelayClient, RelayReply, RelayRequest, read_frame, write_frame


@asynccontextmanager
async def relay(serve) -> AsyncIterator[RelayClient]:
    """Connect a client to a worker that serves one connection."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1")
    client = RelayClient(*await asyncio.open_connection(*server.sockets[0].getsockname()))
    yield client
    await client.close()
    server.close()


async def next_request(reader: asyncio.StreamReader) -> RelayRequest:
    return msgspec.msgpack.decode(await read_frame(reader), type=RelayRequest)


async def test_replies_reach_their_calls_in_any_order_and_errors_are_raised():
    async def reversed_replies(reader, writer):
        first, second = await next_request(reader), await next_request(reader)
        refused = NotFound("no such file.")
        replies = (
            RelayReply(id=second.id, body=second.body),
            RelayReply(id=first.id, error=refused.to_wire(), status=refused.http_status),
        )
        for reply in replies:
            write_frame(writer, msgspec.msgpack.encode(reply))
        await writer.drain()

    async with relay(reversed_replies) as client:
        first, second = await asyncio.gather(
            client.call("read", path="x"), client.call("vault", body=b"body"), return_exceptions=True
        )
    assert isinstance(first, NotFound)
    assert second == b"body"


@pytest.mark.parametrize(
    ("call", "error", "raised"),
    [
        ("read", NotFound("no such file."), NotFound),
        ("read", StoreFull("the disk is full."), StoreFull),
        ("read", AppFailed("it failed."), HostFailed),
        ("read", ContainerRefused("4", "a chunk was changed."), HostFailed),
        ("stage", InputRefused("no."), HostFailed),
        ("vault", ReleaseRefused("7.1", "no policy."), ReleaseRefused),
        ("vault", AppFailed("it failed."), InputRefused),
        ("deliver", FileUnopened("it does not open."), InputRefused),
        ("deliver", TaskFailed("it failed."), HostFailed),
    ],
)
async def test_a_worker_states_no_failure_of_the_app_or_of_its_files(call, error, raised):
    async def refuses(reader, writer):
        frame = await next_request(reader)
        reply = RelayReply(id=frame.id, error=error.to_wire(), status=error.http_status)
        write_frame(writer, msgspec.msgpack.encode(reply))
        await writer.drain()

    async with relay(refuses) as client:
        with pytest.raises(SealgridError) as stated:
            await client.call(call)
    assert type(stated.value) is raised


@pytest.mark.parametrize(
    "reply", [b"", (MAX_FRAME_BYTES + 1).to_bytes(4, "big"), b"\x00\x00\x00\x09half", b"\x00\x00\x00\x01\xc1"]
)
async def test_a_broken_relay_ends_every_open_call(reply: bytes):
    async def broken(reader, writer):
        await next_request(reader)
        writer.write(reply)
        await writer.drain()

    async with relay(broken) as client:
        with pytest.raises(HostFailed, match="the relay between worker and enclave broke"):
            await client.call("begin")
