"""``sealgrid platform``: its settings, and the service."""

import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from tests.unit.cli.cli_runner import run_cli

IDENTITY = "0x" + "77" * 32


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A built runtime and a vendor's root."""
    (tmp_path / "runtime/python/bin").mkdir(parents=True)
    (tmp_path / "runtime/python/bin/python3.12").write_text("")
    (tmp_path / "launch.sh").touch(0o755)
    (tmp_path / "vendor.der").write_bytes(SimulatedPlatformKeys.generate(int(time.time())).root_der)
    return tmp_path


def init(machine: Path, runtime: str = IDENTITY, name: str = "platform"):
    words = ("--launch", machine / "launch.sh", "--runtime", runtime, "--root", f"simulated={machine / 'vendor.der'}")
    return run_cli("platform", "init", machine / f"service/{name}.toml", *words, home=machine)


def test_a_platform_serves_its_settings_until_a_signal_stops_it(machine: Path) -> None:
    assert init(machine).code == 0
    settings = machine / "service/platform.toml"
    settings.write_text(settings.read_text().replace("port = 8566", "port = 0"))
    command = [sys.executable, "-c", "from sealgrid.cli.main import main; main()", "platform", "run", settings]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as serving:
        address = re.search(r"ready at (\S+);", serving.stderr.readline())[1]
        report = httpx.get(f"http://{address}/measurement", trust_env=False).json()
        serving.terminate()
        assert serving.wait(30) in (0, -15)
    assert (report["runtime"], report["files"], report["python"]) == (IDENTITY, 1, "3.12")


def test_a_second_platform_in_a_folder_keeps_the_root_of_the_first(machine: Path) -> None:
    assert init(machine, name="one").code == 0
    first = (machine / "service/one-root.der").read_bytes()
    (machine / "vendor.der").write_bytes(SimulatedPlatformKeys.generate(int(time.time())).root_der)
    assert init(machine, name="two").code == 0
    assert (machine / "service/one-root.der").read_bytes() == first
    assert (machine / "service/two-root.der").read_bytes() == (machine / "vendor.der").read_bytes()
    assert 'cache = "two-collateral"' in (machine / "service/two.toml").read_text()


def test_what_is_no_platform_is_refused(machine: Path) -> None:
    assert "'x' is not a valid runtime identity" in init(machine, "x").err
    assert init(machine).code == 0
    assert "exists; edit it" in init(machine).err
    settings = machine / "service/platform.toml"
    text = settings.read_text()
    for old, new, reason in (
        ('platform = "simulated"', 'platform = "abacus"', "'abacus' is not a platform"),
        ("platform-root.der", "nowhere.der", "nowhere.der cannot be read"),
        (IDENTITY, "0x77", "not a valid runtime identity"),
        ("port", "unknown", "does not describe a platform"),
    ):
        settings.write_text(text.replace(old, new))
        assert reason in run_cli("platform", "run", settings, home=machine).err
