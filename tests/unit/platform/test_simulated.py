"""The simulated platform quotes what it measured and launched."""

import os
import time

from sealgrid.attestation.binding import locked_config, runtime_identity
from sealgrid.attestation.evidence import TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.verification import verify
from sealgrid.platform.image import measure, mrtd
from sealgrid.platform.quoters import ROOT_KEYS_FILE
from sealgrid.platform.simulated import PlatformConfig, SimulatedPlatform
from sealgrid.units import Digest
from tests.unit.platform.enclave_scene import APP, DATA, Enclave, quote


async def test_the_quote_proves_the_measured_runtime_and_the_locked_app(platform, fresh):
    assert (await fresh.ask("launch"))["app_digest"] == APP
    measured = platform.measurement()
    claims = verify(
        await quote(fresh),
        [TrustRoot(Platform.SIMULATED, measured.root_ca_der)],
        at=int(time.time()),
        allow_simulated=True,
    )
    assert claims.locked_app == APP
    assert claims.runtime_of(APP) == measured.runtime == fresh.reply.runtime
    assert claims.report_data == DATA


async def test_each_instance_is_quoted_for_its_own_app(platform):
    other = Digest("0x" + "b6" * 32)
    enclave = await Enclave(platform).launch(other)
    await enclave.ask("launch")
    made = await quote(enclave)
    assert locked_config(other) in made.raw
    assert locked_config(APP) not in made.raw
    await enclave.close()


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


async def test_a_restart_keeps_the_root_the_identity_and_the_bytecode(platform):
    await (await Enclave(platform).launch()).close()  # the bytecode is that of the present image
    config = PlatformConfig(folder=platform._config.folder, boot=platform._config.boot)
    state_file = config.folder / "bytecode.sha384"
    written = state_file.stat().st_mtime_ns
    again = SimulatedPlatform(config, lambda: int(time.time()))
    assert again.measurement() == platform.measurement()
    assert state_file.stat().st_mtime_ns == written
    assert (config.folder / ROOT_KEYS_FILE).stat().st_mode & 0o777 == 0o600


def test_the_identity_is_the_simulated_platforms_over_the_file_list(platform):
    assert platform.measurement().runtime == runtime_identity(Platform.SIMULATED, [mrtd(measure(platform.image.files))])
