"""The platform service of a confidential machine: guests that are processes, a real relay, collateral over the cache."""

import asyncio
import base64
import contextlib
import json
import socket
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from litestar.testing import AsyncTestClient

from sealgrid.attestation.certificates import load_certificate
from sealgrid.attestation.evidence import Collateral, Quote
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.verification import verify
from sealgrid.errors import HostFailed, InputRefused, NotFound
from sealgrid.platform.api import handlers
from sealgrid.platform.collateral import CollateralCache
from sealgrid.platform.hardware import HardwareConfig, HardwarePlatform
from sealgrid.units import to_digest
from sealgrid.wire.collateral import AmdClient, IntelClient
from sealgrid.wire.message import encode
from sealgrid.wire.platform import StartRequest
from sealgrid.wire.server import create_app
from tests.unit.attestation.snp_machine import CHIP, NOW, SnpMachine, leaf_key
from tests.unit.platform.collateral_services import Service, amd_answers
from tests.unit.platform.enclave_scene import APP, request

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
DATA = bytes(range(64))
AMD = SnpMachine()
RUNTIME = to_digest(b"\x77" * 32)


def pem(*ders):
    return b"".join(load_certificate(der).public_bytes(Encoding.PEM) for der in ders)


class Machine:
    """A machine whose guests are processes."""

    def __init__(self, folder):
        self.folder = folder
        key = leaf_key("chip").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "chip.pem").write_bytes(key)
        launch = folder / "launch.sh"
        launch.write_text(
            f'#!/bin/sh\ncd {ROOT}\nPYTHONPATH={ROOT} exec {sys.executable} {HERE}/guest_for_tests.py {folder} "$@"\n'
        )
        launch.chmod(0o755)
        self.amd = Service(amd_answers(AMD.collateral(), "Milan", "vcek", CHIP, pem))
        cache = CollateralCache(
            folder / "cache", (AMD.root,), IntelClient(Service({})), AmdClient(self.amd), lambda: NOW
        )
        config = HardwareConfig(Platform.SNP, launch, RUNTIME, AMD.root.root_ca_der, 3, "3.13")
        self.platform = HardwarePlatform(config, cache, self._connect)

    async def _connect(self, context):
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            channel.connect(str(self.folder / str(context)))
        except OSError:
            channel.close()
            raise
        channel.setblocking(False)
        return channel


class Worker:
    """The worker's end of one guest's relay."""

    def __init__(self, folder):
        self.path = str(folder / "relay")
        self.connected = asyncio.get_running_loop().create_future()

    async def __aenter__(self):
        self.server = await asyncio.start_unix_server(lambda r, w: self.connected.set_result((r, w)), self.path)
        return self

    async def __aexit__(self, *_):
        if self.connected.done():
            with contextlib.suppress(ConnectionError):
                self.connected.result()[1].close()
        self.server.close()

    async def ask(self, *question):
        reader, writer = await asyncio.wait_for(asyncio.shield(self.connected), 60)
        writer.write(json.dumps(question).encode() + b"\n")
        return json.loads(await asyncio.wait_for(reader.readline(), 60))["ok"]

    async def hung_up(self):
        reader, _ = self.connected.result()
        return await asyncio.wait_for(reader.read(), 60) == b""


@pytest.fixture
async def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    await made.platform.close()
    assert made.platform.running() == ()


async def until_gone(platform):
    async with asyncio.timeout(60):
        while platform.running():
            await asyncio.sleep(0.1)


async def test_a_worker_gets_a_quote_of_the_guest_that_it_had_launched(machine, tmp_path):
    async with Worker(tmp_path) as worker:
        reply = await machine.platform.launch(request(APP, worker.path))
        assert (reply.platform, reply.runtime) == (Platform.SNP, RUNTIME)
        assert (await worker.ask("launch"))["app_digest"] == APP
        made = await worker.ask("quote", DATA.hex())
        quote = Quote(base64.b64decode(made["quote"]), Collateral(base64.b64decode(made["collateral"])))
        claims = verify(quote, [AMD.root], at=NOW, allow_simulated=False)
        assert (claims.report_data, claims.locks(APP)) == (DATA, True)
        assert made["runtime"] == claims.runtime_of(APP)
        assert any(CHIP.hex() in path for path in machine.amd.requests)
        await machine.platform.stop(reply.instance)
        assert await worker.hung_up()
    await until_gone(machine.platform)


async def test_no_guest_starts_before_its_app_is_known(machine):
    assert (await machine.platform.start(StartRequest(relay="/nowhere"))).instance == ""
    with pytest.raises(NotFound):
        await machine.platform.assign("", request(APP, ""))
    assert machine.platform.running() == ()


async def test_a_guest_ends_with_its_worker(machine, tmp_path):
    async with Worker(tmp_path) as worker:
        await machine.platform.launch(request(APP, worker.path))
        await worker.ask("launch")
    await until_gone(machine.platform)


async def test_a_guest_for_which_no_collateral_is_found_is_given_up(machine, tmp_path):
    machine.amd.down = True
    async with Worker(tmp_path) as worker:
        await machine.platform.launch(request(APP, worker.path))
        await worker.ask("launch")
        reader, writer = worker.connected.result()
        writer.write(json.dumps(["quote", DATA.hex()]).encode() + b"\n")
        assert await asyncio.wait_for(reader.read(), 60) is not None
    await until_gone(machine.platform)


async def test_a_guest_that_ends_by_itself_ends_its_relay(machine, tmp_path):
    async with Worker(tmp_path) as worker:
        await machine.platform.launch(request(APP, worker.path))
        _, writer = await asyncio.wait_for(asyncio.shield(worker.connected), 60)
        writer.write(json.dumps(["exit", 3]).encode() + b"\n")
        assert await worker.hung_up()
    await until_gone(machine.platform)


async def test_without_a_relay_or_a_script_nothing_is_launched(machine, tmp_path):
    with pytest.raises(InputRefused, match="relay"):
        await machine.platform.launch(request(APP, str(tmp_path / "nowhere")))
    (tmp_path / "launch.sh").unlink()
    async with Worker(tmp_path) as worker:
        with pytest.raises(HostFailed, match="cannot be started"):
            await machine.platform.launch(request(APP, worker.path))
    assert machine.platform.running() == ()


async def test_the_service_has_the_api_of_the_simulated_one(machine, tmp_path):
    async with (
        Worker(tmp_path) as worker,
        AsyncTestClient(create_app(handlers(machine.platform)), base_url="http://127.0.0.1") as client,
    ):
        assert (await client.get("/measurement")).json()["platform"] == Platform.SNP
        answered = await client.post("/instances", content=encode(request(APP, worker.path)))
        name = answered.json()["instance"]
        assert (await worker.ask("launch"))["app_digest"] == APP
        assert (await client.delete(f"/instances/{name}")).status_code == 200
    await until_gone(machine.platform)
