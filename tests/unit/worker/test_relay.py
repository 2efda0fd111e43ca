"""The worker answers every request of an enclave, also with an error."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.wire.relay import RelayClient
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
