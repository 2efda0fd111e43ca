"""Unpacking of wheels: each numbered check, and what is written."""

import io
import zipfile

import pytest

from sealgrid.bundle.manifest import WheelEntry
from sealgrid.bundle.wheel_unpacker import PrivateCopy, unpack_wheels
from sealgrid.crypto.digests import sha256
from sealgrid.errors import BundleRefused
from sealgrid.units import to_digest

Entries = list[tuple[str | zipfile.ZipInfo, bytes]]
GOOD: Entries = [("one/__init__.py", b"a = 1"), ("one-1.dist-info/RECORD", b"")]


class Wheels:
    """Wheels on disk, the enclave's own copies."""

    def __init__(self, folder):
        self.copies, self.target = folder / "copies", folder / "wheels"
        self.copies.mkdir()
        self.target.mkdir()
        self.wheels, self.sources = [], {}

    def add(self, entries: Entries, name: str = "one") -> WheelEntry:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in entries:
                archive.writestr(path, data)
        return self.add_bytes(content.getvalue(), name)

    def add_bytes(self, content: bytes, name: str = "one") -> WheelEntry:
        filename = f"{name}-1-py3-none-any.whl"
        wheel = WheelEntry(name=name, version="1", filename=filename, sha256=to_digest(sha256(content)))
        self.sources[filename] = self.copies / filename
        self.sources[filename].write_bytes(content)
        self.wheels.append(wheel)
        return wheel

    def unpack(self) -> dict[str, bytes]:
        unpack_wheels(self.wheels, {name: PrivateCopy.of(path) for name, path in self.sources.items()}, self.target)
        return {
            path.relative_to(self.target).as_posix(): path.read_bytes()
            for path in self.target.rglob("*")
            if path.is_file()
        }

    def refusal(self) -> str:
        with pytest.raises(BundleRefused) as refused:
            self.unpack()
        assert not list(self.target.iterdir()), "nothing is written before every wheel passed"
        return refused.value.check


@pytest.fixture
def wheels(tmp_path):
    return Wheels(tmp_path)


def test_wheels_are_unpacked_side_by_side(wheels):
    wheels.add([*GOOD, ("shared/a.py", b"")])
    wheels.add([("two.py", b"b"), ("shared/b.py", b"")], "two")
    assert set(wheels.unpack()) == {
        "one/__init__.py",
        "one-1.dist-info/RECORD",
        "shared/a.py",
        "two.py",
        "shared/b.py",
    }


def test_a_wheels_data_folders_are_installed_beside_the_package_and_scripts_are_not(wheels):
    wheels.add([("one-1.data/purelib/a.py", b""), ("one-1.data/platlib/b.so", b""), ("one-1.data/scripts/c", b"")])
    assert set(wheels.unpack()) == {"a.py", "b.so"}


def test_1_a_wheel_that_is_not_the_manifests_is_refused(wheels):
    wheel = wheels.add(GOOD)
    with wheels.sources[wheel.filename].open("ab") as file:
        file.write(b"\0")
    assert wheels.refusal() == "1"


def test_2_an_invalid_archive_is_refused(wheels):
    wheels.add_bytes(b"PK")
    assert wheels.refusal() == "2"


def test_2_a_wheel_that_unpacks_to_more_than_the_limit_is_refused(wheels, monkeypatch):
    monkeypatch.setattr("sealgrid.bundle.wheel_unpacker.MAX_BYTES", 1000)
    wheels.add([("bomb", bytes(1001))])
    assert wheels.refusal() == "2"


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o010666], ids=["link", "device", "pipe"])
def test_3_a_special_file_is_refused(wheels, kind):
    entry = zipfile.ZipInfo("one/x")
    entry.external_attr = kind << 16
    wheels.add([*GOOD, (entry, b"/etc/passwd")])
    assert wheels.refusal() == "3"


@pytest.mark.parametrize("path", ["/etc/x", "../x", "one/../../x", "one\\x", "one//x", "C:x"])
def test_4_a_path_that_leaves_the_folder_is_refused(wheels, path):
    wheels.add([*GOOD, (path, b"")])
    assert wheels.refusal() == "4"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_5_a_path_that_comes_twice_in_a_wheel_is_refused(wheels):
    wheels.add([("one.py", b"a"), ("one.py", b"b")])
    assert wheels.refusal() == "5"


def test_5_a_path_that_comes_in_two_wheels_is_refused(wheels):
    wheels.add([("one.py", b"a")])
    wheels.add([("one.py", b"a")], "two")
    assert wheels.refusal() == "5"


def test_5_a_path_that_comes_again_from_a_data_folder_is_refused(wheels):
    wheels.add([("one.py", b"a"), ("one-1.data/purelib/one.py", b"b")])
    assert wheels.refusal() == "5"


@pytest.mark.parametrize("path", ["ONE.py", "One.py", "one.py/x"])
def test_6_paths_that_differ_in_letter_case_or_kind_alone_are_refused(wheels, path):
    wheels.add([("one.py", b"a")])
    wheels.add([(path, b"a")], "two")
    assert wheels.refusal() == "6"


@pytest.mark.parametrize(
    "path",
    [
        "x.pth",
        "one/deep/x.PTH",
        "sitecustomize.py",
        "usercustomize/__init__.py",
        "SiteCustomize.py",
        "sitecustomize.cpython-311-x86_64-linux-gnu.so",
        "one-1.data/purelib/usercustomize.py",
    ],
)
def test_7_a_file_that_an_interpreter_runs_at_start_up_is_refused(wheels, path):
    wheels.add([*GOOD, (path, b"import os")])
    assert wheels.refusal() == "7"
