"""A file that grows: whole lines, from any position, and no file that was replaced."""

import pytest

from sealgrid.ados.watch.growing_file import BATCH, GrowingFile
from sealgrid.errors import InputRefused


def times(records):
    return [reading.time for record in records for reading in record.readings]


def test_a_line_counts_once_it_is_whole(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("time,sensor,value\n1,a,1\n2,a")
    file = GrowingFile(path)
    assert times(file.read()) == [1]
    assert file.read() == ()
    with path.open("a") as more:
        more.write(",1\n\n3,a,1\n")
    assert times(file.read()) == [2, 3]


def test_reading_continues_at_a_records_position_with_the_names_of_the_first_line(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("time,sensor,value\n1,a,1\n2,a,1\n3,a,1\n")
    second = GrowingFile(path).read()[1]
    assert times(GrowingFile(path, second.position).read()) == [2, 3]
    assert times(GrowingFile(path, second.end).read()) == [3]


def test_lines_of_json_need_no_first_line_and_come_in_batches(tmp_path):
    path = tmp_path / "day.jsonl"
    path.write_text("".join(f'{{"time": {n}, "sensor": "a", "value": 1}}\n' for n in range(BATCH + 5)))
    file = GrowingFile(path)
    assert [len(file.read()), len(file.read()), len(file.read())] == [BATCH, 5, 0]


def test_a_damaged_or_endless_line_is_refused_alone(tmp_path):
    path = tmp_path / "day.csv"
    path.write_bytes(b"time,sensor,value\n1,a,1\nx\n" + b"y" * (5 << 20) + b"\n3,a,1\n")
    file = GrowingFile(path)
    records = [record for _ in range(5) for record in file.read()]
    assert times(records) == [1, 3]
    assert len([each for each in records if each.refused]) == 3  # the endless line in two parts


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize("begin", [BOM, b"\n \n", BOM + b"\r\n\n"], ids=["mark", "blank lines", "both"])
@pytest.mark.parametrize(
    "lines",
    [b"time,sensor,value\n1,a,1\n2,a,1\n", b'{"time":1,"sensor":"a","value":1}\n{"time":2,"sensor":"a","value":1}\n'],
    ids=["csv", "json"],
)
def test_a_byte_order_mark_and_blank_lines_may_stand_before_the_first_line(tmp_path, begin, lines):
    path = tmp_path / "day"
    path.write_bytes(begin + lines)
    records = GrowingFile(path).read()
    assert (times(records), [each.refused for each in records]) == ([1, 2], ["", ""])
    assert times(GrowingFile(path, records[1].position).read()) == [2]


def test_blank_lines_are_not_the_end_of_a_file_after_which_windows_would_be_due(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("time,sensor,value\n" + "\n" * (BATCH + 1) + "3,a,1\n\n")
    file = GrowingFile(path)
    assert times(file.read()) == [3]
    assert file.read() == ()


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read"), (b"", "no first line"), (b"\xff\n", "UTF-8")]
)
def test_a_file_that_cannot_be_followed_is_refused(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "day.csv").write_bytes(content)
    with pytest.raises(InputRefused, match=reason):
        GrowingFile(tmp_path / "day.csv")


def test_a_file_that_was_replaced_is_refused(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("time,sensor,value\n1,a,1\n")
    file = GrowingFile(path)
    file.read()
    path.write_text("time,sensor,value\n")
    with pytest.raises(InputRefused, match="it was replaced"):
        file.read()
