"""An enclave ends with its worker and with its platform, and is reaped."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from tests.unit.platform.enclave_scene import APP, Enclave, request


async def test_an_enclave_that_ends_is_reaped_and_its_worker_reads_the_end(platform):
    enclave = await Enclave(platform).launch()
    instance = platform._instances[enclave.reply.instance]
    enclave.writer.write(b'["exit", 3]\n')
    assert await asyncio.wait_for(enclave.reader.read(), 20) == b""
    await instance.wait()
    assert not Path(f"/proc/{instance.pid}").exists()
    await enclave.close()


async def test_an_enclave_ends_when_its_worker_hangs_up(platform):
    enclave = await Enclave(platform).launch()
    instance = platform._instances[enclave.reply.instance]
    enclave.writer.close()
    assert await asyncio.wait_for(instance.wait(), 20) != 0
    await enclave.close()


async def test_stopping_is_idempotent_and_leaves_no_process(platform):
    enclave = await Enclave(platform).launch()
    pid = platform._instances[enclave.reply.instance].pid
    for _ in range(2):
        await platform.stop(enclave.reply.instance)
    assert not Path(f"/proc/{pid}").exists()
    await enclave.close()


async def test_a_launch_without_a_relay_is_refused(platform, tmp_path):
    with pytest.raises(InputRefused, match="no process listens"):
        await platform.launch(request(APP, str(tmp_path / "none")))


KILLED = """
import asyncio, sys, time
from pathlib import Path
from tests.unit.platform.enclave_scene import Enclave
from sealgrid.platform.simulated import PlatformConfig
from sealgrid.platform.simulated import SimulatedPlatform

async def main():
    config = PlatformConfig(folder=Path(sys.argv[2]), boot=Path(sys.argv[1]))
    platform = SimulatedPlatform(config, lambda: int(time.time()))
    enclave = await Enclave(platform).launch()
    await enclave.ask("launch")
    print(platform._instances[enclave.reply.instance].pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def descendants(pid: int) -> list[int]:
    found = [pid]
    for process in found:
        found += map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
    return found


def test_no_enclave_outlives_a_platform_that_is_killed(platform):
    boot = Path(__file__).with_name("boot_for_tests.py")
    command = [sys.executable, "-c", KILLED, str(boot), str(platform._config.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as killed:
        enclave = descendants(int(killed.stdout.readline()))
        assert len(enclave) > 1
        killed.kill()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in enclave):
        assert time.monotonic() < deadline, "an enclave lives on"
        time.sleep(0.05)
