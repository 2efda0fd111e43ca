import asyncio
import base64
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from enclave_scene import APP, Enclave, request

from sealgrid.attestation.binding import locked_config, runtime_identity
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.verification import verify
from sealgrid.errors import InputRefused
from sealgrid.platform.image import measure, mrtd
from sealgrid.platform.simulated import ROOT_KEYS_FILE, PlatformConfig, SimulatedPlatform
from sealgrid.units import Digest

DATA = bytes(range(64))


async def quote(enclave: Enclave, data: bytes = DATA) -> Quote | None:
    answer = await enclave.ask("quote", data.hex())
    if answer is None:
        return None
    return Quote(base64.b64decode(answer["quote"]), Collateral(base64.b64decode(answer["collateral"])))


async def test_the_quote_proves_the_measured_runtime_and_the_locked_app(platform, fresh):
    assert (await fresh.ask("launch"))["app_digest"] == APP
    said = platform.measurement()
    claims = verify(
        await quote(fresh),
        [TrustRoot(Platform.SIMULATED, said.root_ca_der)],
        at=int(time.time()),
        allow_simulated=True,
    )
    assert claims.locked_app == APP
    assert claims.runtime_of(APP) == said.runtime == fresh.reply.runtime
    assert claims.report_data == DATA


async def test_each_instance_is_quoted_for_its_own_app(platform):
    other = Digest("0x" + "b6" * 32)
    enclave = await Enclave(platform).launch(other)
    await enclave.ask("launch")
    made = await quote(enclave)
    assert locked_config(other) in made.raw
    assert locked_config(APP) not in made.raw
    await enclave.close()


async def test_an_instance_gets_one_quote_and_no_second(fresh):
    await fresh.ask("launch")
    assert await quote(fresh) is not None
    assert await quote(fresh) is None


async def test_report_data_of_another_size_get_no_quote_at_all(fresh):
    await fresh.ask("launch")
    assert await quote(fresh, bytes(63)) is None
    assert await quote(fresh) is None


async def test_an_enclave_sees_nothing_of_the_host(enclave):
    assert set(await enclave.ask("list", "/")) <= {"runtime", "bytecode", "job", "tmp", "dev", "proc", "lib64", "lib"}
    assert not await enclave.ask("exists", "/etc/passwd")
    assert not await enclave.ask("exists", str(Path.cwd()))
    assert set(await enclave.ask("environment")) <= {"LD_LIBRARY_PATH", "PATH", "HOME", "LANG", "PWD", "LC_CTYPE"}


async def test_an_enclave_reaches_no_network(enclave):
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await enclave.ask("reach", "127.0.0.1", port) == "ConnectionRefusedError"
    assert await enclave.ask("reach", "192.0.2.1", 80) == "OSError"
    server.close()


async def test_an_enclave_writes_to_memory_alone(enclave):
    for path in ("/x", "/runtime/boot.py", "/bytecode/x"):
        assert "Read-only" in await enclave.fails("write", path)
    assert await enclave.ask("write", "/job/x") == 1


async def test_an_enclave_runs_an_app_in_a_sandbox_of_its_own(enclave):
    ended = await enclave.ask(
        "app", "import os, sqlite3; print(os.listdir('/proc'), os.path.exists('/runtime/boot.py'))"
    )
    assert ended["kind"] == "AppExited", ended
    assert ended["log"].endswith("False\n")
    assert "'self'" not in ended["log"]


async def test_an_app_finds_bytecode_of_the_standard_library_and_of_its_environment(enclave):
    source = """
import importlib.util, json, os, sys
print(os.path.exists(json.__spec__.cached), os.listdir('/bytecode/runtime'))
print(os.path.exists(importlib.util.cache_from_source('/wheels/one.py')))
"""
    ended = await enclave.ask("app", source, {f".bytecode/one.{sys.implementation.cache_tag}.pyc": "x"})
    assert ended["log"].split("\n")[:2] == ["True ['python']", "True"], ended


async def test_the_whole_session_can_be_imported_from_what_was_measured(enclave):
    assert await enclave.ask("import", "sealgrid.enclave.session") == "/runtime/packages/sealgrid/enclave/session.py"
    assert "ModuleNotFoundError" in await enclave.fails("import", "sealgrid.chain.hub")
    assert "ModuleNotFoundError" in await enclave.fails("import", "web3")


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


async def test_one_changed_byte_changes_what_is_launched_and_quoted(platform):
    before = platform.measurement().runtime
    changed = platform.image.files / "packages/sealgrid/enclave/session.py"
    original, times = changed.read_bytes(), changed.stat()
    try:
        changed.write_bytes(bytes([original[0] ^ 1]) + original[1:])
        os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))  # neither size nor time tells
        enclave = await Enclave(platform).launch()
        assert enclave.reply.runtime != before
        await enclave.ask("launch")
        made = await quote(enclave)
        await enclave.close()
    finally:
        changed.write_bytes(original)
        os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    claims = verify(
        made,
        [TrustRoot(Platform.SIMULATED, platform.measurement().root_ca_der)],
        at=int(time.time()),
        allow_simulated=True,
    )
    assert claims.runtime_of(APP) == enclave.reply.runtime != platform.measurement().runtime == before


async def test_changed_bytecode_is_never_run(platform):
    await (await Enclave(platform).launch()).close()
    compiled = next(platform.image.bytecode.rglob("session.*.pyc"))
    original = compiled.read_bytes()
    compiled.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    enclave = await Enclave(platform).launch()
    await enclave.close()
    again = next(platform.image.bytecode.rglob("session.*.pyc"))
    assert again.read_bytes()[-1] == original[-1]


async def test_a_restart_keeps_the_root_the_identity_and_the_bytecode(platform):
    config = PlatformConfig(folder=platform._config.folder, boot=platform._config.boot)
    note = config.folder / "bytecode.sha384"
    written = note.stat().st_mtime_ns
    again = SimulatedPlatform(config, lambda: int(time.time()))
    assert again.measurement() == platform.measurement()
    assert note.stat().st_mtime_ns == written
    assert (config.folder / ROOT_KEYS_FILE).stat().st_mode & 0o777 == 0o600


def test_the_identity_is_the_simulated_platforms_over_the_file_list(platform):
    assert platform.measurement().runtime == runtime_identity(Platform.SIMULATED, [mrtd(measure(platform.image.files))])


KILLED = """
import asyncio, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from enclave_scene import Enclave
from sealgrid.platform.simulated import PlatformConfig
from sealgrid.platform.simulated import SimulatedPlatform

async def main():
    config = PlatformConfig(folder=Path(sys.argv[2]), boot=Path(sys.argv[1]) / "boot_for_tests.py")
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
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", KILLED, here, str(platform._config.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as killed:
        enclave = descendants(int(killed.stdout.readline()))
        assert len(enclave) > 1
        killed.kill()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in enclave):
        assert time.monotonic() < deadline, "an enclave lives on"
        time.sleep(0.05)
