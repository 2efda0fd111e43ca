"""A runtime with one changed byte has another measurement, and the vaults release no key to it."""

import asyncio
import dataclasses
import shutil
from pathlib import Path

import pytest

from sealgrid.demos.common.thief import open_thief
from sealgrid.errors import ReleaseRefused
from sealgrid.platform.runner import run as run_platform
from sealgrid.platform.simulated import PlatformConfig
from sealgrid.sdk.operations import buy, deploy
from sealgrid.sdk.run_request import RunRequest
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.platform import PlatformClient
from sealgrid.wire.server import listen
from sealgrid.worker.job import JobRun

ROOT = Path(__file__).resolve().parents[2]
BOOT = ROOT / "src" / "sealgrid" / "enclave" / "boot.py"

pytestmark = pytest.mark.localnet


async def test_one_changed_byte_of_the_runtime_is_refused_by_the_vaults(localnet, people, tmp_path):
    changed = tmp_path / "boot.py"
    changed.write_text(BOOT.read_text() + "#")
    folder = tmp_path / "platform"
    folder.mkdir()
    for file in localnet.layout.part("platform").iterdir():
        if file.is_file():
            shutil.copy2(file, folder)  # the same root of trust: its evidence is genuine
    sock, ready = listen(), asyncio.Event()
    serving = asyncio.create_task(run_platform(PlatformConfig(folder=folder, boot=changed), sock, ready.set))
    await asyncio.wait_for(ready.wait(), 60)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    try:
        async with HttpTransport(url) as transport, open_thief(localnet.network) as thief:
            platform = PlatformClient(transport)
            measured = await platform.measurement()
            assert measured.root_ca_der == localnet.network.roots[0].root_ca_der
            assert measured.runtime not in localnet.network.runtimes
            app = await deploy.deploy(people.developer, ROOT / "src/sealgrid/shipped_apps" / "hash_file", price=0)
            job = await buy.run(people.requester2, RunRequest(app.address, files=[("a", b"a")], pool_order=thief.order))
            context = dataclasses.replace(thief.context, platform=platform)
            with pytest.raises(ReleaseRefused) as refused:
                await JobRun(await thief.open_task(job), context).run()
            assert refused.value.check == "5"
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        sock.close()
