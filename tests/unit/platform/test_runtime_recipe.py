"""``runtime build`` renders the reviewed recipes."""

import os
import shutil
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest

from sealgrid.attestation.policy import Platform
from sealgrid.bundle.build import build
from sealgrid.bundle.verify import verify_bundle
from sealgrid.platform import runtime_recipe
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
def test_no_placeholder_is_left_and_every_recipe_warns_that_it_did_not_run(kind):
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


@pytest.mark.parametrize(("platform", "option"), [(Platform.TDX, "mrconfigid"), (Platform.SNP, "host-data")])
def test_launch_scripts_lock_the_app_of_their_argument(tmp_path, platform, option):
    """Run with a QEMU that prints its arguments."""
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
    reply = subprocess.run(
        [script, "0x" + "ab" * 32, "7"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    locked = b"\xab" * 32 + (bytes(16) if platform is Platform.TDX else b"")
    assert option in reply
    assert base64.b64encode(locked).decode() in reply
    assert "guest-cid=7" in reply


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
