import asyncio

from litestar.testing import AsyncTestClient

from sealgrid.platform.api import handlers
from sealgrid.wire.message import encode
from sealgrid.wire.server import create_app
from tests.unit.platform.enclave_scene import APP, request


async def test_a_worker_launches_and_stops_an_enclave_over_the_service(platform, tmp_path):
    hellos: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    relay = await asyncio.start_unix_server(lambda _, writer: hellos.put_nowait(writer), tmp_path / "relay")
    async with AsyncTestClient(create_app(handlers(platform)), base_url="http://127.0.0.1") as client:
        answered = await client.post("/instances", content=encode(request(APP, str(tmp_path / "relay"))))
        writer = await asyncio.wait_for(hellos.get(), 20)
        assert answered.json()["runtime"] == platform.measurement().runtime
        name = answered.json()["instance"]
        assert name in platform.running()
        for _ in range(2):
            assert (await client.delete(f"/instances/{name}")).status_code == 200
    writer.close()
    relay.close()


async def test_a_launch_request_that_is_none_is_refused(platform):
    async with AsyncTestClient(create_app(handlers(platform)), base_url="http://127.0.0.1") as client:
        answered = await client.post("/instances", content=b"{}")
    assert answered.status_code == 400
    assert "message is not valid" in answered.json()["error"]
