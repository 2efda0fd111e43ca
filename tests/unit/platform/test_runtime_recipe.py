"""What ``runtime build`` renders is what was reviewed, and what it computes follows from the firmware's own tables."""

import os
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest
from firmware_files import ovmf, tdvf

from sealgrid.attestation.policy import Platform
from sealgrid.bundle.build import build
from sealgrid.bundle.verify import verify_bundle
from sealgrid.errors import InputRefused
from sealgrid.platform import runtime_recipe
from sealgrid.platform.firmware import SnpBoot, launch_digest, mrtd, tdvf_sections
from sealgrid.platform.image import MeasuredFile
from sealgrid.platform.image_store import lay_out

GOLDEN = Path(__file__).parent / "golden"
FILES = [
    MeasuredFile("python/bin/python3.11", 3, "11" * 32, True),
    MeasuredFile("boot.py", 1, "22" * 32, False),
    MeasuredFile("guest.py", 2, "33" * 32, False),
]


def app(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text("print('hello')\n")
    (folder / "app.toml").write_text('name = "hello"\nversion = "1"\nentrypoint = ["main.py"]\n')
    made = build(folder, (), python="3.11")  # as the reviewed files say
    return verify_bundle(made.archive, made.app_digest)


def expect_golden(rendered, kind):
    """Compare with what was reviewed; SEALGRID_GOLDEN=write renders it anew, for a person to look at."""
    if os.environ.get("SEALGRID_GOLDEN") == "write":
        for name, text in rendered.items():
            place = GOLDEN / kind / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
    there = {path.relative_to(GOLDEN / kind).as_posix() for path in (GOLDEN / kind).rglob("*") if path.is_file()}
    assert there == set(rendered)
    for name, text in rendered.items():
        assert text == (GOLDEN / kind / name).read_text(), name


@pytest.mark.parametrize("platform", [Platform.TDX, Platform.SNP])
def test_a_guests_recipe_is_the_reviewed_one(platform):
    expect_golden(runtime_recipe.guest_recipe(platform, FILES), platform.name.lower())


def test_an_enclaves_manifest_is_the_reviewed_one(tmp_path):
    bundle = app(tmp_path)
    rendered = runtime_recipe.enclave_recipe(
        FILES, bundle
    )  # a manifest with a new field has a new digest; the recipe is the same
    expect_golden({name: text.replace(bundle.app_digest, "APP_DIGEST") for name, text in rendered.items()}, "sgx")


@pytest.mark.parametrize("kind", ["tdx", "snp", "sgx"])
def test_nothing_is_left_unfilled_and_everything_says_that_it_did_not_run(kind):
    for path in (GOLDEN / kind).rglob("*"):
        if path.is_file():
            assert "@" not in path.read_text(), path
    assert "not run on hardware by its authors" in (GOLDEN / kind / "README.md").read_text().lower()


def test_a_manifest_trusts_every_file_of_runtime_and_app_by_its_digest(tmp_path):
    bundle = app(tmp_path)
    text = runtime_recipe.enclave_recipe(FILES, bundle)["sealgrid.manifest.template"]
    manifest = tomllib.loads(text)
    listed = {each["uri"]: each["sha256"] for each in manifest["sgx"]["trusted_files"] if isinstance(each, dict)}
    assert listed == {
        **{f"file:runtime/{each.path}": each.sha256 for each in FILES},
        **{f"file:app/{file.path}": file.sha256[2:] for file in bundle.manifest.files},
    }
    assert (manifest["sgx"]["debug"], manifest["sgx"]["remote_attestation"]) == (False, "dcap")
    assert "allowed_files" not in text


def test_guests_have_no_login_no_debugging_and_no_network_device():
    for platform in (Platform.TDX, Platform.SNP):
        rendered = runtime_recipe.guest_recipe(platform, FILES)
        assert "RootPassword=!" in rendered["mkosi.conf"]
        assert "-netdev" not in rendered["launch.sh"]
        assert "-nic" not in rendered["launch.sh"]
    assert "policy=0x20000" in runtime_recipe.guest_recipe(Platform.SNP, FILES)["launch.sh"]


@pytest.mark.parametrize(("platform", "words"), [(Platform.TDX, "mrconfigid"), (Platform.SNP, "host-data")])
def test_launch_scripts_lock_the_app_that_they_are_given(tmp_path, platform, words):
    """Run with a QEMU that only tells what it was asked."""
    import base64

    script = tmp_path / "launch.sh"
    script.write_text(runtime_recipe.guest_recipe(platform, FILES)["launch.sh"])
    script.chmod(0o755)
    qemu = tmp_path / "qemu-system-x86_64"
    qemu.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    qemu.chmod(qemu.stat().st_mode | stat.S_IXUSR)
    xxd = shutil.which("xxd")
    if xxd is None:
        (tmp_path / "xxd").write_text(
            '#!/bin/sh\nexec python3 -c "import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))"\n'
        )
        (tmp_path / "xxd").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "FIRMWARE": "/firmware.fd"}
    said = subprocess.run(
        [script, "0x" + "ab" * 32, "7"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    locked = b"\xab" * 32 + (bytes(16) if platform is Platform.TDX else b"")
    assert words in said
    assert base64.b64encode(locked).decode() in said
    assert "guest-cid=7" in said


def test_the_runtime_for_guests_holds_what_quotes_there_and_the_code_that_starts_it():
    planned = runtime_recipe.runtime_plan()
    assert {"guest.py", "boot.py"} <= set(planned)
    assert {f"packages/sealgrid/platform/{name}.py" for name in runtime_recipe.IN_GUEST} <= set(planned)


def test_the_laid_out_runtime_imports_all_that_a_guest_starts_with_and_nothing_from_outside(tmp_path):
    lay_out(runtime_recipe.runtime_plan(), tmp_path)
    (python,) = (tmp_path / "python" / "bin").iterdir()
    code = (
        f"import sys; sys.path[:0] = ['{tmp_path}/packages']\n"
        "import sealgrid.platform.guest, sealgrid.enclave.session\n"
        f"assert all((m.__file__ or '').startswith('{tmp_path}') for n, m in sys.modules.items() if 'sealgrid' in n)\n"
        "assert not {'httpx', 'web3', 'dcap_qvl'} & set(sys.modules)"
    )
    environment = {"LD_LIBRARY_PATH": str(tmp_path / "lib")}
    ended = subprocess.run(
        [python, "-I", "-S", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def written(tmp_path, raw, name="firmware.fd"):
    path = tmp_path / name
    path.write_bytes(raw)
    return path


def test_mrtd_is_the_recorded_one_for_a_recorded_firmware(tmp_path):
    found = mrtd(written(tmp_path, tdvf()))
    assert found.hex() == (GOLDEN / "mrtd.txt").read_text().strip()


def test_mrtd_covers_measured_bytes_and_every_address_and_no_unmeasured_byte(tmp_path):
    usual = mrtd(written(tmp_path, tdvf()))
    raw = bytearray(tdvf())
    raw[0x1800] ^= 1
    assert mrtd(written(tmp_path, bytes(raw))) != usual
    raw[0x1800] ^= 1
    raw[0x0800] ^= 1  # of a section that is laid in and not measured
    assert mrtd(written(tmp_path, bytes(raw))) == usual
    sections = [(0x1000, 0x1000, 0xFFFF1000, 0x1000, 1), (0, 0x1000, 0xFFFF0000, 0x1000, 0)]
    other = [sections[0], (0, 0x1000, 0xFFFE0000, 0x1000, 0)]
    assert mrtd(written(tmp_path, tdvf(sections))) != mrtd(written(tmp_path, tdvf(other)))
    later = [sections[0], (0, 0x1000, 0xFFFF0000, 0x1000, 2)]
    assert mrtd(written(tmp_path, tdvf(later))) == mrtd(written(tmp_path, tdvf(sections[:1])))


def test_sections_are_read_as_the_metadata_say(tmp_path):
    code, variables, memory = tdvf_sections(written(tmp_path, tdvf()))
    assert (code.address, code.size, len(code.content), code.attributes) == (0xFFFF1000, 0x1000, 0x1000, 1)
    assert (variables.attributes, memory.content, memory.size) == (0, b"", 0x2000)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(64 << 10),
        ovmf(),
        tdvf(magic=b"XXXX"),
        tdvf(version=2),
        tdvf([(1 << 31, 0x1000, 0, 0x1000, 1)]),
        tdvf([(0, 0x2000, 0, 0x1000, 1)]),
        tdvf([(0, 0, 0, 1 << 40, 1)]),
        tdvf([(0, 0, 0, 100, 1)]),
    ],
)
def test_what_is_no_firmware_for_tdx_has_no_mrtd(tmp_path, raw):
    with pytest.raises(InputRefused, match="not a valid firmware for TDX"):
        mrtd(written(tmp_path, raw))


def boot(tmp_path, **changes):
    usual = {
        "firmware": written(tmp_path, ovmf()),
        "kernel": written(tmp_path, b"kernel", "kernel"),
        "initrd": written(tmp_path, b"initrd", "initrd"),
        "cmdline": "quiet",
        "cpus": 2,
    }
    return SnpBoot(**usual | changes)


def test_an_snp_launch_digest_is_the_recorded_one_and_follows_from_every_part(tmp_path):
    usual = launch_digest(boot(tmp_path))
    assert usual.hex() == (GOLDEN / "launch_digest.txt").read_text().strip()
    changed = [
        boot(tmp_path, kernel=written(tmp_path, b"other", "k2")),
        boot(tmp_path, initrd=written(tmp_path, b"o", "i2")),
        boot(tmp_path, cmdline="loud"),
        boot(tmp_path, cpus=3),
        boot(tmp_path, cpu="EPYC-Genoa"),
        boot(tmp_path, firmware=written(tmp_path, ovmf()[:0x1800] + b"\xff" + ovmf()[0x1801:], "f2")),
    ]
    digests = {launch_digest(each) for each in changed}
    assert len(digests) == len(changed)
    assert usual not in digests


@pytest.mark.parametrize("raw", [b"", bytes(64 << 10), tdvf(), ovmf(hashes=False)])
def test_a_firmware_that_measures_no_kernel_has_no_launch_digest(tmp_path, raw):
    with pytest.raises(InputRefused, match="SEV-SNP"):
        launch_digest(boot(tmp_path, firmware=written(tmp_path, raw, "bad")))


def test_a_file_or_processor_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputRefused, match="nowhere"):
        launch_digest(boot(tmp_path, kernel=tmp_path / "nowhere"))
    with pytest.raises(InputRefused, match="i386"):
        launch_digest(boot(tmp_path, cpu="i386"))
    with pytest.raises(InputRefused, match="nowhere"):
        mrtd(tmp_path / "nowhere")
