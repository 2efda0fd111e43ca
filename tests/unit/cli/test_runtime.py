"""``sealgrid runtime``: files, computed measurements, and those that need hardware."""

import json

import pytest

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.bundle.build import build
from sealgrid.platform import runtime_recipe
from sealgrid.platform.firmware import SnpBoot, launch_digest, mrtd
from sealgrid.units import to_bytes
from tests.unit.cli.cli_runner import run_cli
from tests.unit.platform.firmware_files import ovmf, tdvf


@pytest.fixture
def sealgrid(tmp_path, monkeypatch):
    """The command, over a runtime of two files."""
    for name in ("python3.11", "guest.py"):
        (tmp_path / name).write_text(name)
    small = {"python/bin/python3.11": tmp_path / "python3.11", "guest.py": tmp_path / "guest.py"}
    monkeypatch.setattr(runtime_recipe, "runtime_plan", lambda: small)
    return lambda *words: run_cli(*words, home=tmp_path / "home", folder=tmp_path)


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "main.py").write_text("print('hello')\n")
    (folder / "app.toml").write_text('name = "hello"\nversion = "1"\nentrypoint = ["main.py"]\n')
    (folder / "wheels.lock").write_text("[]")
    return folder


def measurements(tmp_path):
    return json.loads((tmp_path / "out" / "measurement.json").read_text())


def test_a_tdx_runtime_has_mrtd_of_its_firmware_and_its_registers_need_hardware(sealgrid, tmp_path):
    (tmp_path / "fw").write_bytes(tdvf())
    ended = sealgrid("runtime", "build", "--platform", "tdx", "--out", "out", "--firmware", "fw")
    assert ended.code == 0, ended.err
    assert measurements(tmp_path)["computed"] == {"MRTD": mrtd(tmp_path / "fw").hex()}
    assert set(measurements(tmp_path)["not computed"]) == {"RTMR0, RTMR1, RTMR2"}
    assert (tmp_path / "out" / "runtime" / "guest.py").read_text() == "guest.py"
    assert "Not run on hardware" in ended.out


def test_an_snp_runtime_has_the_identity_of_its_image(sealgrid, tmp_path):
    for name, content in (("fw", ovmf()), ("k", b"kernel"), ("i", b"initrd")):
        (tmp_path / name).write_bytes(content)
    built = ("--firmware", "fw", "--kernel", "k", "--initrd", "i", "--cpus", "4")
    assert sealgrid("runtime", "build", "--platform", "snp", "--out", "out", *built).code == 0
    digest = launch_digest(SnpBoot(tmp_path / "fw", tmp_path / "k", tmp_path / "i", runtime_recipe.CMDLINE, 4))
    identity = runtime_identity(Platform.SNP, [digest])
    assert measurements(tmp_path)["computed"] == {"MEASUREMENT": digest.hex(), "runtime": identity}
    assert sealgrid("runtime", "identity", "--platform", "snp", "--measurement", digest.hex()).out.strip() == identity


@pytest.mark.parametrize(("platform", "missing"), [("tdx", "MRTD"), ("snp", "MEASUREMENT")])
def test_without_the_parts_nothing_is_computed(sealgrid, tmp_path, platform, missing):
    assert sealgrid("runtime", "build", "--platform", platform, "--out", "out").code == 0
    assert measurements(tmp_path)["computed"] == {}
    assert missing in measurements(tmp_path)["not computed"]


def test_an_sgx_runtime_contains_one_app_and_leaves_mrenclave_to_gramine(sealgrid, tmp_path, app):
    ended = sealgrid("runtime", "build", "--platform", "sgx", "--out", "out", "--app", app)
    assert ended.code == 0, ended.err
    assert (tmp_path / "out" / "app" / "main.py").read_text() == "print('hello')\n"
    assert build(app).app_digest in (tmp_path / "out" / "sealgrid.manifest.template").read_text()
    assert (measurements(tmp_path)["computed"], set(measurements(tmp_path)["not computed"])) == ({}, {"MRENCLAVE"})


def test_an_sgx_identity_names_the_app(sealgrid, app):
    words = ("runtime", "identity", "--platform", "sgx", "--measurement", "0x" + "11" * 32)
    ended = sealgrid(*words, "--app", app)
    assert ended.out.strip() == runtime_identity(Platform.SGX, [b"\x11" * 32, to_bytes(build(app).app_digest, 32)])
    assert "--app" in sealgrid(*words).err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("build", "--platform", "sgx"), "name its folder with --app"),
        (("build", "--platform", "tdx", "--firmware", "nowhere"), "nowhere cannot be read"),
        (("build", "--platform", "tdx", "--out", "."), "is not empty"),
        (("identity", "--platform", "tdx", "--measurement", "11" * 48), "tdx has 4 measurements, not 1"),
        (("identity", "--platform", "snp", "--measurement", "11"), "has 48 bytes in hex"),
    ],
)
def test_what_cannot_be_rendered_is_one_line_and_leaves_nothing(sealgrid, tmp_path, words, line):
    before = set(tmp_path.iterdir())
    ended = sealgrid("runtime", *words)
    assert ended.code == 1
    assert line in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "home"}
