"""Canonical archives, and the rules for paths inside archives."""

import io
import zipfile

import pytest

from sealgrid.bundle.archive import BROKEN, find_collision, is_regular, open_archive, pack, path_fault


def test_equal_files_give_equal_bytes_in_any_order():
    assert pack({"b": b"2", "a": b"1"}) == pack({"a": b"1", "b": b"2"})


def test_entries_are_sorted_stored_and_regular():
    with zipfile.ZipFile(io.BytesIO(pack({"b": b"2", "a/c": b"1"}))) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == ["a/c", "b"]
    assert all(is_regular(entry) and entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("path", ["a", "a/b.py", "ä", "a b", "..."])
def test_a_plain_relative_path_is_valid(path):
    assert path_fault(path) is None


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a//b", "a/./b", "../a", "a\\b", "c:a", "a\nb", "a\ud800", "a\u0308", "a" * 256, "a/" * 600 + "a"],
)
def test_a_path_that_is_absolute_ambiguous_or_too_long_is_invalid(path):
    assert path_fault(path) is not None


@pytest.mark.parametrize(
    ("paths", "collision"),
    [
        (["a", "b/c", "b/d"], None),
        (["a", "A"], "A"),
        (["b/c", "B/d"], "B/d"),
        (["a", "a/b"], "a/b"),
        (["a/b", "a"], "a"),
    ],
)
def test_a_collision_ignores_case_and_covers_folders(paths, collision):
    assert find_collision(paths) == collision


def many(count):
    return pack({f"{number:x}": b"" for number in range(count)})


def test_an_archive_of_at_most_so_many_entries_opens():
    with open_archive(many(9), 9) as archive:
        assert len(archive.namelist()) == 9


@pytest.mark.parametrize(
    "content",
    [
        many(10),
        many(5000),  # refused by the size of its list, before zipfile makes an object of each entry
        many(9) + b"after the archive",
        many(9)[:-2] + b"\1\0x",  # with a comment
        many(9)[:-42] + b"PK\6\7" + bytes(16) + many(9)[-22:],  # with the locator of a zip64 list
        b"",
    ],
    ids=["one more", "many more", "bytes after it", "comment", "zip64", "empty"],
)
def test_another_archive_is_refused(content):
    with pytest.raises(BROKEN):
        open_archive(content, 9)
