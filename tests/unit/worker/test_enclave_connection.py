"""One enclave of a worker: its relay exists as long as the connection, and the platform stops what it started."""

import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.units import ZERO_ADDRESS, TaskId, to_digest
from sealgrid.wire.platform import LaunchRequest
from sealgrid.worker.enclave_connection import EnclaveConnection
from sealgrid.worker.relay import RelayServer

INSTANCE = "enclave-1"
REQUEST = LaunchRequest(
    app_digest=to_digest(bytes(32)),
    task=TaskId(to_digest(bytes(32))),
    worker=ZERO_ADDRESS,
    chain=1,
    hub=ZERO_ADDRESS,
    broker=ZERO_ADDRESS,
    vaults=(),
    threshold=1,
    relay="",
)


class Platform:
    """A platform that starts enclaves, or none before their tasks, and may fail to stop them."""

    def __init__(self, instance=INSTANCE, *, fails=False) -> None:
        self._instance, self._fails = instance, fails
        self.relays, self.assigned, self.stopped = [], [], []

    async def launch(self, request):
        return await self.start(request.relay)

    async def start(self, relay):
        assert stat.S_ISSOCK(Path(relay).stat().st_mode), "the enclave connects at once"
        self.relays.append(relay)
        return SimpleNamespace(instance=self._instance)

    async def assign(self, instance, request):
        self.assigned.append(instance)

    async def stop(self, instance):
        self.stopped.append(instance)
        if self._fails:
            raise ServiceUnavailable("the platform does not answer.")


def connection(platform, folder):
    return EnclaveConnection(platform, RelayServer(None), folder)


@pytest.mark.parametrize("fails", [False, True], ids=["stopped", "the platform fails"])
async def test_a_connection_that_is_closed_leaves_no_enclave_and_no_socket(tmp_path, fails):
    platform = Platform(fails=fails)
    opened = connection(platform, tmp_path)
    await opened.launch(REQUEST)
    await opened.close()
    await opened.close()
    assert platform.stopped == [INSTANCE]
    assert not Path(platform.relays[0]).exists()


async def test_an_enclave_that_waits_gets_its_task(tmp_path):
    platform = Platform()
    opened = connection(platform, tmp_path)
    assert await opened.start()
    await opened.assign(REQUEST)
    assert platform.assigned == [INSTANCE]
    await opened.close()


async def test_a_platform_without_waiting_enclaves_has_nothing_to_stop(tmp_path):
    platform = Platform(instance="")
    opened = connection(platform, tmp_path)
    assert not await opened.start()
    await opened.close()
    assert platform.stopped == []
    assert not Path(platform.relays[0]).exists()
