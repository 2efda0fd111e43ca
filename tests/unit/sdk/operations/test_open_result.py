"""Checks of a result's archive."""

import io
import zipfile

import pytest

from sealgrid.bundle.archive import pack
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations import open_result
from sealgrid.sdk.operations.open_result import RunResult


def archive(*files: tuple[str, bytes], kind: int = 0o100644, compressed: bool = False) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as made:
        for name, content in files:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = kind << 16
            made.writestr(entry, content, made.compression)
    return target.getvalue()


def test_what_a_runtime_packs_is_opened():
    files = {"sealgrid.json": b"{}", "a/b": b"1", "a/c": b"2", "ä": b""}
    assert open_result._unzip(pack(files)) == files


@pytest.mark.parametrize(
    ("check", "content"),
    [
        (1, b"no archive"),
        (1, archive(("link", b"/etc/passwd"), kind=0o120777)),
        (1, archive(("folder/", b""))),
        (2, archive(("a/" * 33 + "a", b""))),
        (2, archive(("../escaped", b""))),
        (2, archive(("/etc/escaped", b""))),
        (2, archive(("a/../../escaped", b""))),
        (2, archive(("C:escaped", b""))),
        (2, archive(("a\\b", b""))),
        (2, archive(("a\nb", b""))),
        (3, archive(("aaaa", b"1"), ("bbbb", b"2")).replace(b"bbbb", b"aaaa")),
        (3, archive(("a", b"1"), ("a/b/c", b"2"))),
        (3, archive(("a/b", b"1"), ("a/b/c", b"2"))),
    ],
)
def test_a_result_that_no_runtime_makes_is_refused_by_the_number_of_the_check(check, content):
    with pytest.raises(InputRefused, match=rf"^\({check}\)"):
        open_result._unzip(content)


def test_1_a_result_that_bursts_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(open_result, "MAX_RESULT_BYTES", 1 << 20)
    with pytest.raises(InputRefused, match=r"^\(1\)"):
        open_result._unzip(archive(("zeros", bytes(2 << 20)), compressed=True))


def test_1_a_result_of_more_files_than_an_app_may_write_is_refused(monkeypatch):
    monkeypatch.setattr(open_result, "MAX_FILES", 2)
    with pytest.raises(InputRefused, match=r"^\(1\)"):
        open_result._unzip(pack({"a": b"", "b": b"", "c": b""}))


def test_the_log_of_an_app_that_ended_well_is_the_file_that_the_runtime_names():
    faked = {"app.log": b"the machine refused the input"}
    assert RunResult(faked | {"sealgrid.json": b'{"exit":0}'}).log == ""
    named = faked | {"app-2.log": b"3 rows", "sealgrid.json": b'{"exit":0,"log":"app-2.log"}'}
    assert (RunResult(named).log, RunResult(named).log_file) == ("3 rows", "app-2.log")
    assert RunResult(faked | {"sealgrid.json": b'{"exit":3}'}).log == "the machine refused the input"


def test_the_tail_of_a_log_is_its_last_lines_without_empty_ones():
    logged = RunResult({"sealgrid.json": b'{"exit":3}', "app.log": b"one\ntwo\nthree\n\n"})
    assert (logged.log_tail(2), logged.log_tail(9)) == ("two\nthree", "one\ntwo\nthree")
