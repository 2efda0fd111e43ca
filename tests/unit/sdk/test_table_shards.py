"""Tables in shards of some rows: as the app takes them, and every row once."""

import csv
import io
import json
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import InputRefused, SetupMissing
from sealgrid.sdk.table_shards import table_shards

CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=9
)


@pytest.fixture
def written(tmp_path):
    def write(name, text):
        (tmp_path / name).write_bytes(text.encode())
        return tmp_path / name

    return write


@given(rows=st.lists(st.tuples(CELL, CELL), max_size=9), size=st.integers(1, 4))
def test_shards_of_csv_have_every_row_once_as_it_is_written(tmp_path_factory, rows, size):
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows([("a", "b"), *rows])
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_bytes(target.getvalue().encode())
    shards = list(table_shards(path, size))
    read = [list(csv.reader(io.StringIO(content.decode()))) for _, content in shards]
    assert [row for shard in read for row in shard[1:]] == [list(row) for row in rows]
    assert all(shard[0] == ["a", "b"] and len(shard) <= size + 1 for shard in read)
    assert "".join(content.decode().split("\n", 1)[1] for _, content in shards) == target.getvalue().split("\n", 1)[1]


def test_an_app_that_takes_json_gets_records_with_numbers(written):
    path = written("people.csv", "name,age,height\nAda,36,1.6\nBo,,x\n")
    ((name, content),) = table_shards(path, 10, ["application/json"])
    assert name == "rows-00000.json"
    assert json.loads(content) == [
        {"name": "Ada", "age": 36, "height": 1.6},
        {"name": "Bo", "age": None, "height": "x"},
    ]


def test_json_lines_become_lists(written):
    path = written("rows.jsonl", "[1, 2]\n\n[3, 4]\n[5, 6]")
    assert [json.loads(content) for _, content in table_shards(path, 2)] == [[[1, 2], [3, 4]], [[5, 6]]]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.csv", "", "no header"),
        ("a.csv", "a,b\n1,2\n3\n", "row 2 has 1 cells, not 2"),
        ("a.csv", 'a\n"open\n', "not valid CSV"),
        ("a.jsonl", "[1]\n[2\n", "line 2 is not valid JSON"),
        ("a.txt", "a", "must end in one of"),
    ],
)
def test_a_table_that_cannot_be_split_is_refused(written, name, text, reason):
    with pytest.raises(InputRefused, match=reason):
        list(table_shards(written(name, text), 2))


def test_what_is_no_table_is_refused():
    with pytest.raises(InputRefused, match="int is not a table"):
        list(table_shards(3, 2))
    with pytest.raises(InputRefused, match="one row or more"):
        list(table_shards("a.csv", 0))
    with pytest.raises(InputRefused, match="cannot be read"):
        list(table_shards("/no/such.csv", 1))


class ArrowTable:
    """The methods of an Arrow table that are used."""

    def __init__(self, rows):
        self._rows, self.num_rows = rows, len(rows)

    def slice(self, offset, length):
        return ArrowTable(self._rows[offset : offset + length])

    def to_pylist(self):
        return self._rows


class PandasTable:
    """The methods of a pandas table that are used."""

    columns = ("a",)

    def __init__(self, rows):
        self._rows, self.iloc = rows, self

    def __getitem__(self, part):
        return PandasTable(self._rows[part])

    def __len__(self):
        return len(self._rows)

    def to_dict(self, _orient):
        return self._rows


class PolarsTable:
    """The methods of a polars table that are used."""

    columns = ("a",)

    def __init__(self, rows):
        self._rows = rows

    def __len__(self):
        return len(self._rows)

    def slice(self, offset, length):
        return PolarsTable(self._rows[offset : offset + length])

    def to_dicts(self):
        return self._rows


@pytest.mark.parametrize("kind", [ArrowTable, PandasTable, PolarsTable])
def test_tables_in_memory_are_split_without_their_library(kind):
    table = kind([{"a": 1}, {"a": 2}, {"a": 3}])
    assert [content for _, content in table_shards(table, 2)] == [b"a\n1\n2\n", b"a\n3\n"]
    assert [json.loads(content) for _, content in table_shards(table, 2, ["application/json"])] == [
        [{"a": 1}, {"a": 2}],
        [{"a": 3}],
    ]


class Undecided:
    """What pandas calls NA: its comparison is neither true nor false."""

    def __ne__(self, other):
        return self

    def __bool__(self):
        raise TypeError

    __hash__ = None


def test_missing_values_are_empty_cells_and_null():
    table = PandasTable([{"a": 1.5, "b": "x"}, {"a": float("nan"), "b": Undecided()}])
    assert list(table_shards(table, 2)) == [("rows-00000.csv", b"a,b\n1.5,x\n,\n")]
    assert list(table_shards(table, 2, ["application/json"])) == [
        ("rows-00000.json", b'[{"a": 1.5, "b": "x"}, {"a": null, "b": null}]')
    ]


def test_a_value_that_json_cannot_hold_is_refused():
    with pytest.raises(InputRefused, match="JSON cannot hold"):
        list(table_shards(ArrowTable([{"a": object()}]), 2, ["application/json"]))


@pytest.mark.parametrize(
    ("path", "package"), [("s3://bucket/table.csv", "fsspec"), ("table.parquet", "pyarrow")], ids=["fsspec", "pyarrow"]
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(written, monkeypatch, path, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SetupMissing, match=f"pip install {package}"):
        list(table_shards(path if "://" in path else written(path, "x"), 2))


def test_a_path_of_fsspec_is_read_through_it(monkeypatch):
    def opened(path, mode):
        assert (path, mode) == ("s3://bucket/table.csv", "rb")
        return io.BytesIO(b"a\n1\n")

    monkeypatch.setitem(sys.modules, "fsspec", SimpleNamespace(open=opened))
    assert list(table_shards("s3://bucket/table.csv", 2)) == [("rows-00000.csv", b"a\n1\n")]
