"""An app is built for one Python version: the network's. Its wheels run on it, and other networks refuse the app."""

import msgspec
import pytest
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from sealgrid.bundle.archive import pack
from sealgrid.bundle.build import build
from sealgrid.bundle.interpreter import running_python, runs_on
from sealgrid.bundle.lock import encode, lock
from sealgrid.bundle.manifest import MANIFEST, WheelEntry
from sealgrid.bundle.verify import check_interpreter, verify_bundle
from sealgrid.errors import InputRefused, InterpreterMismatch

SUPPORTED = ("3.11", "3.12", "3.13")
TAGS = (
    "cp311-cp311",
    "cp312-cp312",
    "cp313-cp313",
    "cp313-cp313t",
    "cp314-cp314",
    "cp311-abi3",
    "cp39-abi3",
    "cp32-abi3",
    "cp314-abi3",
    "cp39.cp310.cp311.cp312-abi3",
    "py3-none",
    "py2.py3-none",
    "py2-none",
    "py311-none",
    "py312-none",
    "py314-none",
    "py30-none",
    "cp312-none",
    "cp311-none",
    "pp311-pypy311_pp73",
    "cp311-cp312",
    "py3-abi3",
    "cp38-cp38",
    "cp3-none",
    "cp31-abi3",
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.toml").write_text('name = "app"\nversion = "1"\nentrypoint = ["main.py"]\n')
    (tmp_path / "app" / "main.py").write_text("print(1)\n")
    return tmp_path / "app"


def demanding(folder, python):
    (folder / "app.toml").write_text(f'python = "{python}"\n' + (folder / "app.toml").read_text())


def wheel(tags):
    return WheelEntry(name="one", version="1", filename=f"one-1-{tags}-linux_x86_64.whl", sha256="0x" + "11" * 32)


@pytest.mark.parametrize("python", SUPPORTED)
@pytest.mark.parametrize("tags", TAGS)
def test_a_wheels_tags_are_read_as_pips_own_library_reads_them(python, tags):
    version = tuple(map(int, python.split(".")))
    platforms = ["linux_x86_64", "any"]
    # packaging names abi3 and none only below an ABI, and no pure wheel without a platform of its own
    accepted = {*cpython_tags(version, [f"cp{version[0]}{version[1]}"], platforms)}
    accepted |= {*compatible_tags(version, f"cp{version[0]}{version[1]}", platforms)}
    filename = f"one-1-{tags}-linux_x86_64.whl"
    assert runs_on(filename, python) == bool(parse_wheel_filename(filename)[3] & accepted)


@pytest.mark.parametrize("python", SUPPORTED)
def test_an_app_is_built_for_the_requested_python(folder, python):
    assert build(folder, python=python).manifest.python == python
    assert build(folder).manifest.python == running_python()


def test_13_an_app_toml_that_demands_another_python_is_refused_and_the_same_one_is_built(folder):
    demanding(folder, "3.12")
    with pytest.raises(InterpreterMismatch, match=r"requires Python 3\.12.* on Python 3\.13") as refused:
        build(folder, python="3.13")
    assert refused.value.check == "13"
    assert build(folder, python="3.12").manifest.python == "3.12"


def test_a_python_that_is_no_version_is_refused_as_input(folder):
    demanding(folder, "3.12.1")
    with pytest.raises(InputRefused, match="python"):
        build(folder)


def test_13_an_app_for_another_python_is_none_of_this_networks(folder):
    made = build(folder, python="3.11").manifest
    check_interpreter(made, "3.11")
    with pytest.raises(InterpreterMismatch, match=r"Python 3\.11.* on Python 3\.13") as refused:
        check_interpreter(made, "3.13")
    assert refused.value.check == "13"


def test_12_a_wheel_for_another_python_than_the_manifests_is_refused(folder):
    with pytest.raises(InterpreterMismatch, match="cp312") as refused:
        build(folder, [wheel("cp312-cp312")], python="3.11")
    assert refused.value.check == "12"
    (folder / "wheels.lock").write_text(encode([wheel("cp312-cp312")]))
    with pytest.raises(InterpreterMismatch, match="cp312"):
        build(folder, python="3.13")


def test_12_every_reader_of_a_bundle_refuses_it(folder):
    good = build(folder, [wheel("cp312-cp312")], python="3.12")
    assert verify_bundle(good.archive, good.app_digest).manifest == good.manifest
    bad = msgspec.structs.replace(good.manifest, python="3.13")
    with pytest.raises(InterpreterMismatch) as refused:
        verify_bundle(pack({"main.py": b"print(1)\n", MANIFEST: bad.encode()}), bad.digest())
    assert refused.value.check == "12"


def test_of_wheels_for_several_pythons_the_one_that_runs_is_locked(tmp_path):
    for tags in ("cp311-cp311", "cp312-cp312", "cp313-cp313"):
        (tmp_path / f"one-1-{tags}-linux_x86_64.whl").write_bytes(tags.encode())
    for python in SUPPORTED:
        (found,) = lock(["one==1"], tmp_path, python)
        assert runs_on(found.filename, python)


def test_12_a_folder_with_wheels_for_other_pythons_alone_is_refused_with_the_command_that_helps(tmp_path):
    (tmp_path / "one-1-cp311-cp311-linux_x86_64.whl").write_bytes(b"")
    with pytest.raises(InterpreterMismatch, match=r"pip download .*--python-version 3\.13 one==1") as refused:
        lock(["one==1"], tmp_path, "3.13")
    assert refused.value.check == "12"
