"""An environment is the same bytes wherever it is built, and an enclave unpacks it as it unpacks wheels."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sealgrid.bundle.build import build as build_bundle
from sealgrid.bundle.bytecode import BYTECODE
from sealgrid.bundle.environment_writer import END_BYTES, EnvironmentWriter, directory_start
from sealgrid.bundle.manifest import EnvironmentEntry, WheelEntry
from sealgrid.errors import BundleRefused, SetupMissing
from sealgrid.sdk.operations import environments
from sealgrid.sdk.operations.environments import FOLDER, build, compiler_for, environment_of, unpacked

SOURCE = "NAMES = {'b', 'a', 'c'}\ndef answer(x):\n    return sorted(NAMES) + [x, 'interned', 3.5, (1, 2)]\n"


def wheel_in(folder, name="one", extra=()):
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/__init__.py", SOURCE)
        archive.writestr(f"{name}/broken.py", "def (:\n")
        archive.writestr(f"{name}/data.bin", bytes(range(256)) * 50)
        for path_in, content in extra:
            archive.writestr(path_in, content)
    return WheelEntry(
        name=name, version="1", filename=path.name, sha256="0x" + hashlib.sha256(path.read_bytes()).hexdigest()
    )


@pytest.fixture
def wheels(tmp_path):
    return [wheel_in(tmp_path), wheel_in(tmp_path, "two")]


def test_two_builds_in_two_places_are_the_same_bytes(wheels, tmp_path):
    sources = {wheel.filename: tmp_path / wheel.filename for wheel in wheels}
    for name in ("first", "second"):
        build(wheels, sources, tmp_path / name, compiler_for())
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_an_environment_is_built_once_and_kept(wheels, tmp_path):
    pinned, archive = environment_of(wheels, tmp_path)
    made = archive.stat().st_mtime_ns
    assert environment_of(wheels, tmp_path) == (pinned, archive)
    assert archive.stat().st_mtime_ns == made
    assert pinned.size == archive.stat().st_size
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [archive.name]


def test_what_is_unpacked_from_it_is_what_the_wheels_hold_with_bytecode_that_python_takes(wheels, tmp_path):
    pinned, archive = environment_of(wheels, tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    content = archive.read_bytes()
    directory = content[directory_start(pinned, content[-END_BYTES:]) :]
    arriving = EnvironmentWriter(pinned, directory, target, tmp_path / "scratch")
    arriving.write(content[: arriving.start])
    arriving.finish()
    assert (target / "two" / "data.bin").read_bytes() == bytes(range(256)) * 50
    assert (target / "one" / "broken.py").exists()
    assert not list((target / BYTECODE / "one").glob("broken*"))
    (target / "one" / "__init__.py").write_text("raise SystemExit('compiled anew')")  # an unchecked hash is believed
    code = f"import sys; sys.path.insert(0, {str(target)!r}); import one; print(one.answer(1))"
    prefix = tmp_path / "prefix"
    below = prefix / target.relative_to("/")
    below.parent.mkdir(parents=True)
    below.symlink_to(target / BYTECODE)
    command = [sys.executable, "-I", "-S", "-B", "-X", f"pycache_prefix={prefix}", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "['a', 'b', 'c', 1, 'interned', 3.5, (1, 2)]\n"


def test_an_environment_is_compiled_by_the_requested_python(wheels, tmp_path, monkeypatch):
    other = tmp_path / "bin" / "python3.99"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\n[ "$3" = -c ] && echo 3.99.4 || exec {sys.executable} "$@"\n')
    monkeypatch.setenv("PATH", str(other.parent), prepend=os.pathsep)
    with pytest.raises(SetupMissing, match=r"install python3\.99"):
        environment_of(wheels, tmp_path, "3.99")
    other.chmod(0o755)
    pinned, archive = environment_of(wheels, tmp_path, "3.99")
    assert pinned.python == "3.99.4"
    assert archive != environment_of(wheels, tmp_path)[1]


def test_a_program_of_that_name_that_is_another_python_compiles_nothing(tmp_path, monkeypatch):
    shim = tmp_path / "python3.99"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SetupMissing, match=r"install python3\.99"):
        compiler_for("3.99")


def test_a_wheel_that_is_missing_is_named(tmp_path):
    wheel = wheel_in(tmp_path)
    (tmp_path / wheel.filename).unlink()
    with pytest.raises(SetupMissing, match=wheel.filename):
        environment_of([wheel], tmp_path)


def app_with(tmp_path, environment, wheels):
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text("import one\n")
    (folder / "app.toml").write_text(
        'name = "app"\nversion = "1"\nentrypoint = ["main.py"]\n' + ('wheels = ["one==1"]\n' if wheels else "")
    )
    return build_bundle(folder, wheels, environment, python="3.11")


@pytest.mark.parametrize(
    "fault", [{"python": "3.12.1"}, {"size": (4 << 30) + 1}, "no wheels"], ids=["python", "size", "no wheels"]
)
def test_11_an_environment_that_cannot_be_the_apps_is_refused(tmp_path, fault):
    wheel = wheel_in(tmp_path)
    fields = {"sha256": "0x" + "ab" * 32, "size": 9, "python": "3.11.7"} | (fault if isinstance(fault, dict) else {})
    with pytest.raises(BundleRefused) as refused:
        app_with(tmp_path, EnvironmentEntry(**fields), [] if fault == "no wheels" else [wheel])
    assert refused.value.check == "11"


def archive_of(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "e.zip", "w") as packed:
        packed.writestr("pkg/module.py", "x = 1\n")
    return folder / "e.zip"


def test_an_archive_is_unpacked_once_beside_itself(tmp_path):
    archive = archive_of(tmp_path)
    first = unpacked(archive, tmp_path / "unused")
    assert (first / "pkg/module.py").read_text() == "x = 1\n"
    (first / "mark").touch()
    assert (unpacked(archive, tmp_path / "unused") / "mark").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e", "e.zip"]


def test_where_the_folder_of_the_archive_cannot_be_written_another_is_taken(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    archive = archive_of(tmp_path)
    monkeypatch.setattr(environments.tempfile, "TemporaryDirectory", refuse)
    assert unpacked(archive, tmp_path / "other") == tmp_path / "other"
    assert (tmp_path / "other/pkg/module.py").read_text() == "x = 1\n"


def test_where_the_folder_of_wheels_cannot_be_written_the_users_cache_is(wheels, tmp_path, monkeypatch):
    (tmp_path / FOLDER).write_text("a file instead of a folder cannot be written, also not by root")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    entry, archive = environment_of(wheels, tmp_path)
    assert archive.parent == tmp_path / "cache" / "sealgrid" / FOLDER
    assert archive.stat().st_size == entry.size
    assert environment_of(wheels, tmp_path) == (entry, archive)


def test_without_any_cache_the_user_is_told_what_to_set(wheels, tmp_path, monkeypatch):
    (tmp_path / FOLDER).write_text("")
    (tmp_path / "cache").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(SetupMissing, match="set HOME or XDG_CACHE_HOME"):
        environment_of(wheels, tmp_path)
