"""An environment is laid out while it is received, and is unverified until its whole hash matches."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.archive import pack
from sealgrid.bundle.environment_writer import END_BYTES, EnvironmentWriter, directory_start
from sealgrid.bundle.manifest import EnvironmentEntry
from sealgrid.crypto.digests import sha256
from sealgrid.errors import BundleRefused
from sealgrid.units import to_digest

FILES = {
    ".bytecode/one/a.pyc": b"code",
    "one/a.py": b"a = 1\n",
    "one/empty.py": b"",
    "one/lib.so": bytes(range(256)) * 40,
}


def pinned(archive: bytes) -> EnvironmentEntry:
    return EnvironmentEntry(sha256=to_digest(sha256(archive)), size=len(archive), python="3.11.2")


def directory_of(archive: bytes) -> bytes:
    return archive[directory_start(pinned(archive), archive[-END_BYTES:]) :]


def laid_out(folder, archive, *, environment=None, directory=None, sizes=(1 << 20,)):
    target = folder / "target"
    target.mkdir()
    directory = directory_of(archive) if directory is None else directory
    arriving = EnvironmentWriter(environment or pinned(archive), directory, target, folder / "scratch")
    at = 0
    while at < arriving.start:
        size = sizes[at % len(sizes)]
        arriving.write(archive[at : min(at + size, arriving.start)])
        at += size
    arriving.finish()
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def zipped(entries, *, compression=zipfile.ZIP_STORED, comment=b"", extra=b""):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for path, data in entries:
            entry = zipfile.ZipInfo(path) if isinstance(path, str) else path
            entry.extra, entry.compress_type = extra, compression
            archive.writestr(entry, data)
        archive.comment = comment
    return content.getvalue()


def refusal(folder, archive, **changed) -> str:
    with pytest.raises(BundleRefused) as refused:
        laid_out(folder, archive, **changed)
    return refused.value.check


def special(kind) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("one/x")
    entry.external_attr = kind << 16
    return entry


@given(
    files=st.dictionaries(st.from_regex(r"[a-zé]{1,8}", fullmatch=True), st.binary(max_size=300), max_size=6),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=4),
)
def test_the_files_are_the_same_for_all_piece_sizes(tmp_path_factory, files, sizes):
    assert laid_out(tmp_path_factory.mktemp("e"), pack(files), sizes=sizes) == files


def test_1_one_other_byte_anywhere_before_the_directory_is_refused(tmp_path):
    archive = pack(FILES)
    for number, at in enumerate(range(0, len(archive) - len(directory_of(archive)), 997)):
        (tmp_path / str(number)).mkdir()
        changed = archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]
        directory, environment = directory_of(archive), pinned(archive)
        assert refusal(tmp_path / str(number), changed, environment=environment, directory=directory) == "1"


def test_1_another_directory_than_the_pinned_one_is_refused_though_it_could_be_read(tmp_path):
    archive = pack(FILES)
    renamed = directory_of(archive).replace(b"one/a.py", b"one/b.py")
    assert refusal(tmp_path, archive, directory=renamed) == "1"


def test_1_an_archive_that_ends_too_soon_is_refused(tmp_path):
    archive = pack(FILES)
    target = tmp_path / "target"
    target.mkdir()
    arriving = EnvironmentWriter(pinned(archive), directory_of(archive), target, tmp_path / "scratch")
    arriving.write(archive[: arriving.start - 1])
    with pytest.raises(BundleRefused) as refused:
        arriving.finish()
    assert refused.value.check == "1"


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"PK",
        bytes(END_BYTES),
        zipped([("a", b"")], comment=b"more"),
        b"before" + zipped([("a", b"1")]),
        zipped([("a", b"1")], compression=zipfile.ZIP_DEFLATED),
        zipped([("a", b"1")], extra=b"\1\0\0\0"),
    ],
    ids=["empty", "short", "no mark", "comment", "bytes before", "compressed", "extra field"],
)
def test_2_an_archive_that_is_not_plain_and_stored_is_refused(tmp_path, archive):
    with pytest.raises(BundleRefused) as refused:
        laid_out(tmp_path, archive)
    assert refused.value.check == "2"


def test_2_bytes_between_the_files_are_refused(tmp_path):
    first, second = pack({"a": b"1"}), pack({"a": b"1", "b": b"2"})
    directory = directory_of(second)[: len(directory_of(first)) - END_BYTES]  # lists "a" alone
    size, start = len(directory).to_bytes(4, "little"), (len(second) - len(directory_of(second))).to_bytes(4, "little")
    end = b"PK\5\6" + bytes(4) + b"\1\0\1\0" + size + start + bytes(2)
    archive = second[: len(second) - len(directory_of(second))] + directory + end
    assert refusal(tmp_path, archive) == "2"


def test_2_more_bytes_than_the_limit_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sealgrid.bundle.wheel_unpacker.MAX_BYTES", 1000)
    assert refusal(tmp_path, pack(FILES)) == "2"


@pytest.mark.parametrize("kind", [0o120777, 0o020666, 0o010666], ids=["link", "device", "pipe"])
def test_3_a_special_file_is_refused(tmp_path, kind):
    assert refusal(tmp_path, zipped([(special(kind), b"/etc/passwd")])) == "3"


@pytest.mark.parametrize("path", ["/etc/x", "../x", "one/../../x", "one\\x", "C:x"])
def test_4_a_path_that_leaves_the_folder_is_refused(tmp_path, path):
    assert refusal(tmp_path, zipped([(path, b"")])) == "4"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_5_a_path_that_comes_twice_is_refused(tmp_path):
    assert refusal(tmp_path, zipped([("one.py", b"a"), ("one.py", b"b")])) == "5"


@pytest.mark.parametrize("path", ["ONE.py", "one.py/x"])
def test_6_paths_that_differ_in_letter_case_or_kind_alone_are_refused(tmp_path, path):
    assert refusal(tmp_path, zipped([("one.py", b"a"), (path, b"b")])) == "6"


@pytest.mark.parametrize("path", ["x.pth", "sitecustomize.py", ".bytecode/x.pth"])
def test_7_a_file_that_an_interpreter_runs_at_start_up_is_refused(tmp_path, path):
    assert refusal(tmp_path, zipped([(path, b"import os")])) == "7"


def test_nothing_is_written_before_checks_2_to_7_passed(tmp_path):
    refusal(tmp_path, zipped([("a.py", b"a"), ("x.pth", b"")]))
    assert not list((tmp_path / "target").iterdir())


def test_a_full_disk_leaves_no_truncated_file(tmp_path, monkeypatch):
    class Full(io.RawIOBase):
        def writable(self):
            return True

        def write(self, part):
            raise OSError(28, "No space left on device")

    archive = pack(FILES)
    target = tmp_path / "target"
    target.mkdir()
    arriving = EnvironmentWriter(pinned(archive), directory_of(archive), target, tmp_path / "scratch")
    monkeypatch.setattr("pathlib.Path.open", lambda *_: io.BufferedWriter(Full()))
    with pytest.raises(OSError, match="No space"):
        arriving.write(archive[: arriving.start])
