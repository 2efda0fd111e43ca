"""Delimiter, quotation and line of names, from the table's first rows."""

import pytest

from sealgrid.shipped_apps.csv_statistics.columns.errors import TableRefused
from sealgrid.shipped_apps.csv_statistics.columns.layout import find_layout, is_blank, plain
from sealgrid.shipped_apps.csv_statistics.columns.source import open_text


def layout(folder, text: str):
    (folder / "t").write_text(text, newline="")
    return find_layout(open_text(folder / "t"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "\x01", "^", "~", ":", "  "])
def test_the_delimiter_is_found(tmp_path, delimiter):
    found = layout(tmp_path, "a,b,c\n1,x,2\n3,y,4\n".replace(",", delimiter))
    assert (found.dialect.delimiter, found.names) == (delimiter[0], ("a", "b", "c"))


def test_the_delimiter_fits_all_rows_though_another_is_more_frequent(tmp_path):
    assert layout(tmp_path, "Stadt;Umsatz;Menge\n" + "Köln, West;1,5;3\n" * 5).dialect.delimiter == ";"
    assert layout(tmp_path, "note,count\n" + '"a; b; c",1\n' * 5).dialect.delimiter == ","


def test_a_column_of_decimal_commas_is_one_column(tmp_path):
    assert layout(tmp_path, "preis\n" + "1,5\n" * 5).names == ("preis",)


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_line_of_a_spreadsheet_with_the_delimiter_is_followed(tmp_path, line):
    found = layout(tmp_path, f"{line}\r\na;b\r\n1,5;2,5\r\n")
    assert (found.separator_line, found.names) == (True, ("a", "b"))


def test_lines_of_titles_are_counted(tmp_path):
    bank = "Description,,Amount\nOpening balance,,1.00\n\nday,city,price,count\n" + "a,Lyon,1.5,2\n" * 9
    assert layout(tmp_path, bank).names == ("day", "city", "price", "count")
    found = layout(tmp_path, "Sales report 2026,,\nExported by,finance,\n,,\ncity,price,count\n" + "Lyon,1,2\n" * 5)
    assert (found.titles, found.names) == (2, ("city", "price", "count"))


def test_quotation_marks_with_backslashes_and_without_meaning_are_read(tmp_path):
    assert layout(tmp_path, "a,b\n" + '"x \\"y\\", z",1\n' * 5).dialect.escaped
    found = layout(tmp_path, "a,b\n" + "x\\, y,\\N\n" * 5)
    assert list(found.dialect.reader(iter(["x\\, y,\\N\n"]))) == [["x, y", ""]]
    assert not layout(tmp_path, "a\tb\n" + '"Lyon\t1\n' * 5).dialect.quoted


def test_names_of_rows_as_r_writes_them_are_a_column_without_a_name(tmp_path):
    for delimiter in " ,":
        rows = "".join(f'"{number}" "x y" 2\n' for number in range(5)).replace('" ', f'"{delimiter}')
        assert layout(tmp_path, f'"a"{delimiter}"b"\n{rows}').names == ("", "a", "b")


@pytest.mark.parametrize("row", ["red,{0},5,17", "{0},1,5,17"])
def test_decimal_commas_that_tear_numbers_shift_no_columns(tmp_path, row):
    rows = "".join(row.format(number) + "\n" for number in range(20))
    with pytest.raises(TableRefused, match="column 4 of 4; numbers with decimal commas need quotation marks"):
        layout(tmp_path, "color,price,count\n" + rows)


def test_a_comment_with_as_many_cells_as_the_table_does_not_name_its_columns(tmp_path):
    found = layout(tmp_path, "# Source: bureau, 2026, by me\ncolor,price,count\n" + "red,1.5,2\n" * 5)
    assert (found.names, found.titles) == (("color", "price", "count"), 1)
    assert layout(tmp_path, "#color,price,count\n" + "red,1.5,2\n" * 5).names == ("#color", "price", "count")


def test_delimiters_at_the_ends_of_rows_are_a_column_without_a_name(tmp_path):
    assert layout(tmp_path, "a,b\n" + "1,2,\n" * 5).names == ("a", "b", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no text"),
        ("city,,count\n" + "Lyon,1,2\n" * 5, "column 2 of 3"),
        ("a,b,c\n" + "1,2,3\n" * 9 + "1,2\n" * 9, "a row has 2 cells; the table has 3 columns"),
        ('a,b\n1,"x\n2,3\n', "quotation mark is not closed"),
    ],
)
def test_a_table_without_a_layout_is_refused(tmp_path, text, reason):
    with pytest.raises(TableRefused, match=reason):
        layout(tmp_path, text)


def test_a_line_drawn_by_a_terminal_is_blank():
    assert is_blank(["+------+", "---+"])
    assert is_blank([" ", ""])
    assert not is_blank(["--", "5"])


@pytest.mark.parametrize(
    ("cell", "text"), [(' ="01" ', "01"), ("'01", "01"), ("'a'", "a"), (" x ", "x"), ("=1+1", "=1+1")]
)
def test_marks_of_text_are_removed_from_cells(cell, text):
    assert plain(cell) == text
