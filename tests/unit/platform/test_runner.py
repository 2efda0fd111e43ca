"""The running service of a platform."""

import asyncio
import contextlib

import pytest

from sealgrid.bundle.interpreter import running_python
from sealgrid.errors import InputRefused
from sealgrid.platform.runner import run
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.platform import PlatformClient
from sealgrid.wire.server import listen
from tests.unit.platform.enclave_scene import APP, request


async def test_the_running_service_returns_its_measurement(platform):
    sock, ready = listen(), asyncio.Event()
    port = sock.getsockname()[1]
    serving = asyncio.create_task(run(platform._config, sock, ready.set))
    await asyncio.wait_for(ready.wait(), 60)
    async with HttpTransport(f"http://127.0.0.1:{port}", name="the platform") as transport:
        measured = await PlatformClient(transport).measurement()
        assert (measured.platform, measured.python) == (255, running_python())
        assert measured.root_ca_der == platform.measurement().root_ca_der
        with pytest.raises(InputRefused):
            await PlatformClient(transport).launch(request(APP, "/nowhere"))
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    sock.close()
