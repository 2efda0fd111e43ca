"""The worker answers every request of an enclave, also with an error."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sealgrid.errors import HostFailed, InputRefused, ServiceUnavailable
from sealgrid.wire.relay import MAX_FRAME_BYTES, RelayClient
from sealgrid.worker.relay import RelayServer


class Broken:
    """Serves an enclave; every operation raises an unexpected exception."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: object) -> Any:
            raise self.error

        return fail


@pytest.mark.parametrize("error", [OSError(28, "No space: /home/secret"), IndexError("secret"), KeyError("secret")])
async def test_an_enclave_gets_a_reply_for_every_exception(tmp_path: Path, error: Exception) -> None:
    server = RelayServer(Broken(error))
    listening = await asyncio.start_unix_server(server.serve, tmp_path / "relay")
    client = RelayClient(*await asyncio.open_unix_connection(tmp_path / "relay"))
    with pytest.raises(ServiceUnavailable, match=type(error).__name__) as refused:
        async with asyncio.timeout(5):
            await client.call("read", path="bundle", length=10)
    assert "secret" not in str(refused.value)
    await client.close()
    listening.close()


async def test_an_enclave_is_answered_when_its_question_cannot_be_read(tmp_path: Path) -> None:
    server = RelayServer(Broken(OSError()))
    listening = await asyncio.start_unix_server(server.serve, tmp_path / "relay")
    client = RelayClient(*await asyncio.open_unix_connection(tmp_path / "relay"))
    with pytest.raises(ServiceUnavailable, match="Error"):
        async with asyncio.timeout(5):
            await client.call("hello", body=b"no hello")
    await client.close()
    listening.close()


class VaultAnswers:
    """Forwards requests to vaults; the first answers without end."""

    async def vault(self, index: int, path: str, body: bytes) -> bytes:
        return bytes(MAX_FRAME_BYTES) if index == 0 else b"an answer"


async def test_a_vault_that_answers_without_end_does_not_end_the_calls_of_others(tmp_path: Path) -> None:
    server = RelayServer(VaultAnswers())  # type: ignore[arg-type]
    listening = await asyncio.start_unix_server(server.serve, tmp_path / "relay")
    client = RelayClient(*await asyncio.open_unix_connection(tmp_path / "relay"))
    endless, answer = await asyncio.gather(
        client.call("vault", index=0), client.call("vault", index=1), return_exceptions=True
    )
    assert isinstance(endless, ServiceUnavailable)
    assert answer == b"an answer"
    assert await client.call("vault", index=2) == b"an answer"
    await client.close()
    listening.close()


class Preparation:
    """Replies to an enclave without a task."""

    expected = "0x" + "a5" * 32

    async def read(self, name: str, offset: int, length: int) -> bytes:
        return f"{name} {offset} {length}".encode()


async def test_an_enclave_without_a_task_can_only_prepare_an_app(tmp_path: Path) -> None:
    server = RelayServer(None, Preparation())
    listening = await asyncio.start_unix_server(server.serve, tmp_path / "relay")
    client = RelayClient(*await asyncio.open_unix_connection(tmp_path / "relay"))
    assert await client.call("prepare") == Preparation.expected.encode()
    assert await client.call("read", path="bundle", offset=3, length=10) == b"bundle 3 10"
    for call in ("hello", "vault", "begin", "append", "finish", "stage", "deliver", "fail"):
        with pytest.raises((HostFailed, InputRefused), match="no task"):
            await client.call(call)
    server.assign(Broken(KeyError("as in a task")))  # type: ignore[arg-type]
    with pytest.raises(ServiceUnavailable, match="KeyError"):
        await client.call("begin")
    assert not server.has_ended
    await server.hang_up()
    with pytest.raises(HostFailed):
        await server.outcome()
    await client.close()
    listening.close()
