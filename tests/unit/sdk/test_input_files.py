"""Input files are given in every usual way, and become names and contents."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk import input_files
from sealgrid.sdk.input_files import has_tables, list_files


class Table:
    """The methods of a pandas table that are used."""

    columns = ("a", "b")

    def to_csv(self, *, index: bool, sep: str = ",") -> str:
        assert index is False
        return f"a{sep}b\n1{sep}2\n"

    def to_json(self, *, orient: str) -> str:
        assert orient == "records"
        return '[{"a":1,"b":2}]'

    def to_numpy(self) -> np.ndarray:
        return np.array([[1, 2]])

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise AssertionError("a table is written as a table")


class OtherTable:
    """The methods of a polars table that are used."""

    columns = ("a", "b")

    def write_csv(self, *, separator: str = ",") -> str:
        return f"a{separator}b\n1{separator}2\n"

    def write_json(self) -> str:
        return '[{"a":1,"b":2}]'


class Tensor:
    """A tensor that needs gradients and lies on another device, as PyTorch's."""

    def __init__(self, ready: bool = False) -> None:
        self.ready = ready

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> "Tensor":
        return Tensor(ready=True)

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        assert self.ready
        return np.array([1.5])


@pytest.fixture
def file(tmp_path) -> Path:
    (tmp_path / "input.json").write_bytes(b"[[1, 2, 3]]")
    return tmp_path / "input.json"


def read_files(files: object, media_types: tuple[str, ...] = ()) -> list[tuple[str, bytes]]:
    """Return names and contents of what a caller gives."""
    return input_files.read_files(list_files(files), media_types)


def array_of(content: bytes) -> np.ndarray:
    return np.load(io.BytesIO(content), allow_pickle=False)


WAYS: dict[str, Callable[[Path], object]] = {
    "a text": str,
    "a Path": lambda file: file,
    "a list of texts": lambda file: [str(file)],
    "a tuple of Paths": lambda file: (file,),
    "a generator": lambda file: (each for each in [file]),
    "a pair": lambda file: ("input.json", file.read_bytes()),
    "a list of pairs": lambda file: [("input.json", file.read_bytes())],
    "a pair with an open file": lambda file: ("input.json", io.BytesIO(file.read_bytes())),
    "a mapping of bytes": lambda file: {"input.json": file.read_bytes()},
    "a mapping of a path": lambda file: {"input.json": file},
    "a mapping of an open file": lambda file: {"input.json": io.StringIO("[[1, 2, 3]]")},
    "a mapping of lists": lambda file: {"input.json": [[1, 2, 3]]},
    "a mapping of an array": lambda file: {"input.json": np.array([[1, 2, 3]])},
}


@pytest.mark.parametrize("way", WAYS)
def test_one_file_is_given_in_every_way(file, way):
    assert read_files(WAYS[way](file)) == [("input.json", b"[[1, 2, 3]]")]


@pytest.mark.parametrize("mode", ["rb", "r"])
def test_an_open_file_has_its_files_name(file, mode):
    with file.open(mode) as opened:
        assert read_files(opened) == [("input.json", b"[[1, 2, 3]]")]


def test_no_files_are_no_files():
    for none in (None, (), [], {}):
        assert read_files(none) == []


def test_two_texts_are_two_paths_also_in_a_tuple(file, tmp_path):
    other = tmp_path / "other.json"
    other.write_text("{}")
    for files in ((str(file), str(other)), [file, other]):
        assert [name for name, _ in read_files(files)] == ["input.json", "other.json"]


def test_a_path_in_the_home_directory_is_found(file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_files("~/input.json") == read_files(file)


def test_bytes_of_every_kind_get_a_name():
    for content in (b"123", bytearray(b"123"), memoryview(b"123")):
        assert read_files(content) == [("input.bin", b"123")]
    assert [name for name, _ in read_files([b"1", b"2", io.BytesIO(b"3")])] == ["input.bin", "input-2.bin", "input"]


def test_an_array_becomes_a_numpy_file_without_pickles():
    ((name, content),) = read_files(np.zeros((1, 3), np.float32))
    assert name == "input.npy"
    assert array_of(content).dtype == np.float32
    assert array_of(content).shape == (1, 3)
    assert [name for name, _ in read_files([np.zeros(1), np.zeros(1)])] == ["input.npy", "input-2.npy"]


def test_a_tensor_is_copied_to_this_machines_memory_first():
    ((_, content),) = read_files(Tensor())
    assert array_of(content).tolist() == [1.5]
    assert read_files({"input.json": Tensor()}) == [("input.json", b"[1.5]")]


@pytest.mark.parametrize("table", [Table(), OtherTable()], ids=["pandas", "polars"])
def test_a_table_becomes_csv_or_the_format_that_its_name_says(table):
    assert read_files(table) == [("input.csv", b"a,b\n1,2\n")]
    assert read_files({"rides.tsv": table}) == [("rides.tsv", b"a\tb\n1\t2\n")]
    assert json.loads(read_files({"rides.json": table})[0][1]) == [{"a": 1, "b": 2}]


NUMBERS_OR_JSON = ("application/json", "application/x-npy")


def test_a_table_without_a_name_has_a_format_that_the_app_takes():
    text = Table()
    text.to_numpy = lambda: np.array([["a", "b"]])
    assert has_tables(list_files([b"1", Table()]))
    assert not has_tables(list_files({"rides.csv": Table()}))
    assert [read_files(Table(), taken)[0][0] for taken in ((), ("text/csv", "application/json"), ("image/png",))] == [
        "input.csv"
    ] * 3
    ((name, content),) = read_files(Table(), NUMBERS_OR_JSON)
    assert (name, array_of(content).tolist()) == ("input.npy", [[1, 2]])
    ((name, content),) = read_files(text, NUMBERS_OR_JSON)
    assert (name, json.loads(content)) == ("input.json", [{"a": 1, "b": 2}])


def test_a_table_of_numbers_becomes_an_array_under_such_a_name():
    ((_, content),) = read_files({"x.npy": Table()})
    assert array_of(content).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    "files",
    [3, 1.5, object(), [[5.1, 3.5]], [None], {"a.txt": [1]}, {"a.txt": None}, [("a.txt", 3)]],
    ids=["int", "float", "object", "rows", "list-of-none", "text-of-list", "text-of-none", "pair-of-int"],
)
def test_anything_else_is_refused_with_the_ways_to_give_a_file(files):
    with pytest.raises(InputRefused, match="is not an input file; give a path, bytes"):
        read_files(files)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ("nowhere.json", "nowhere.json cannot be read"),
        ("/", "cannot be read"),
        ("a\0b", "cannot be read"),
        ({"a.json": "nowhere"}, "nowhere cannot be read"),
        (np.array([object()]), "convert it to numbers"),
        ({"a.parquet": np.zeros(1)}, "cannot be written as .parquet"),
        ({"a.xlsx": Table()}, "cannot be written as .xlsx"),
        ({"a.json": [object()]}, "cannot be written as JSON"),
    ],
)
def test_content_that_cannot_be_read_or_written_is_one_error(files, reason):
    with pytest.raises(InputRefused, match=reason):
        read_files(files)


def test_a_closed_file_is_one_error(file):
    opened = file.open("rb")
    opened.close()
    with pytest.raises(InputRefused, match=r"open file input\.json cannot be read"):
        read_files(opened)


def test_a_name_that_is_not_utf_8_is_named_and_can_be_replaced(tmp_path):
    path = tmp_path / os.fsdecode(b"entr\xe9e.json")
    path.write_bytes(b"1")
    with pytest.raises(InputRefused, match="is not UTF-8; rename the file") as refused:
        read_files(path)
    assert str(refused.value).isascii()
    assert read_files({"input.json": path}) == [("input.json", b"1")]
