"""The statistics app as its sandbox runs it: what it reports, withholds and refuses."""

import re
import statistics

import pytest

from sealgrid.shipped_apps.csv_statistics.columns.numbers import rounded
from tests.unit.shipped_apps.app_process import bundled, run_app
from tests.unit.shipped_apps.csv_statistics.csv_text import table


def column(result: dict, name: str) -> dict:
    return next(each for each in result["columns"] if each["name"] == name)


SALES = [("Lyon" if n % 3 else "Nice", n) for n in range(1000)]


def test_a_table_is_described_column_by_column(tmp_path):
    ran = run_app("csv_statistics", tmp_path, dataset=table(SALES))
    assert (ran.code, ran.errors, ran.output_file) == (0, "", "result.json")
    assert ran.result["rows"] == 1000
    assert column(ran.result, "city") == {
        "name": "city",
        "kind": "text",
        "values": 1000,
        "others": 0,
        "most_frequent": [{"value": "Lyon", "rows": 666}, {"value": "Nice", "rows": 334}],
    }
    price = column(ran.result, "price")
    assert (price["kind"], price["values"], price["mean"]) == ("number", 1000, 499.5)
    assert price["deviation"] == rounded(statistics.stdev(range(1000)))
    assert price["quantiles"]["0.5"] == 499.5
    assert sum(bin_["rows"] for bin_ in price["histogram"]) == 1000


def test_the_overview_has_no_more_than_the_result(tmp_path):
    ran = run_app("csv_statistics", tmp_path, dataset=table([*SALES, ("Ornans", "")]))
    message = ran.files["overview.txt"].decode()
    assert message.splitlines()[0] == "1001 rows; no number describes fewer than 10"
    assert re.search(r"^city +1001 +Lyon 666, others 335$", message, re.MULTILINE)
    assert re.search(r"^price +1000 +499\.5 +288\.819 +499\.5  [▁-█ ]+$", message, re.MULTILINE)
    assert "Ornans" not in message


def test_equal_runs_give_equal_bytes(tmp_path):
    first, second = (run_app("csv_statistics", tmp_path / at, dataset=table(SALES)).files for at in ("a", "b"))
    assert first["result.json"] == second["result.json"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_cells_are_separated_as_the_first_line_is(tmp_path, delimiter):
    ran = run_app("csv_statistics", tmp_path, dataset=b"\xef\xbb\xbf" + table(SALES, delimiter=delimiter))
    assert [each["name"] for each in ran.result["columns"]] == ["city", "price"]


def test_empty_cells_are_left_out_and_a_column_with_few_values_is_withheld(tmp_path):
    rows = [(n if n < 9 else "", n if n < 50 else " ") for n in range(100)]
    result = run_app("csv_statistics", tmp_path, dataset=table(rows, ("few", "half"))).result
    assert column(result, "few") == {"name": "few", "kind": "withheld", "reason": "it has fewer than 10 values"}
    assert column(result, "half")["values"] == 50


def test_a_cell_that_is_no_number_is_left_out_of_numbers_and_counted(tmp_path):
    ran = run_app("csv_statistics", tmp_path, dataset=table([*SALES, ("Lyon", "Secretville")]))
    price = column(ran.result, "price")
    assert (price["kind"], price["values"], price["mean"]) == ("number", 1000, 499.5)
    assert price["notes"] == [{"what": "left out, not a number", "cells": None}]
    assert "  price: left out, not a number: some cells, not counted here" in ran.files["overview.txt"].decode()
    assert b"Secretville" not in b"".join(ran.files.values())


def test_a_rare_text_is_merged_with_ten_others(tmp_path):
    rows = [("Lyon",)] * 50 + [("Nice",)] * 12 + [("Ornans, Grande Rue 4",)]
    ran = run_app("csv_statistics", tmp_path, dataset=table(rows, ("home",)))
    assert column(ran.result, "home")["most_frequent"] == [{"value": "Lyon", "rows": 50}]
    assert column(ran.result, "home")["others"] == 13
    assert b"Ornans" not in ran.files["result.json"]


def test_the_lowest_and_highest_values_are_not_reported(tmp_path):
    rows = [(str(n),) for n in range(1000, 2000)] + [("7",), ("987654",)]
    ran = run_app("csv_statistics", tmp_path, dataset=table(rows, ("salary",)))
    histogram = column(ran.result, "salary")["histogram"]
    assert (histogram[0]["from"], histogram[-1]["to"]) == (None, None)
    assert b"987654" not in ran.files["result.json"]
    assert not any(value == 7 for each in ran.result["columns"] for value in each.values())


def with_line(number: int, line: str) -> bytes:
    lines = table(SALES).decode().split("\r\n")
    return "\r\n".join([*lines[: number - 1], line, *lines[number - 1 :]]).encode()


INVALID_TABLES = {
    "no text": (b"\x89PNG\r\n\x1a\n" + bytes(range(128, 255)), "not a CSV table but a picture"),
    "unknown text": (bytes(range(128, 255)), "not text in UTF-8, UTF-16 or Windows-1252"),
    "empty": (b"", "names its columns; here a column has no name"),
    "a column without a name": (table(SALES, ("city", " ")), "a column has no name"),
    "two columns with one name": (table(SALES, ("city", "city")), "two have the same name"),
    "no names": (table(SALES[:100])[len("city,price\r\n") :], "here a name is a number, as in a row of values"),
    "a short row": (with_line(17, "Secretville"), "line 17 has 1 cells; the table has 2 columns"),
    "a long row": (with_line(1002, "Secretville,1,2"), "line 1002 has 3 cells; the table has 2 columns"),
    "an open quotation mark": (with_line(3, '"Secretville,1'), "not a valid line of CSV"),
    "few rows": (table(SALES[:9]), "the table has 9 rows; of fewer than 10"),
    "a long name": (table(SALES, ("city", "x" * 201)), "at most 200 characters"),
}


@pytest.mark.parametrize("fault", INVALID_TABLES)
def test_an_invalid_table_is_refused_in_one_line_that_quotes_no_cell(tmp_path, fault):
    content, message = INVALID_TABLES[fault]
    ran = run_app("csv_statistics", tmp_path, dataset=content)
    assert ran.code == 2
    assert message in ran.errors
    assert ran.errors.count("\n") == 1
    assert "Secretville" not in ran.errors
    assert ran.files == {}


@pytest.mark.parametrize("extra", [{"arguments": ["--by", "city"]}, {"inputs": {"mine": b"1"}}])
def test_arguments_and_files_are_refused(tmp_path, extra):
    ran = run_app("csv_statistics", tmp_path, dataset=table(SALES), **extra)
    assert ran.code == 2
    assert "no arguments and no files" in ran.errors


def test_a_run_without_a_table_is_refused_with_advice(tmp_path):
    ran = run_app("csv_statistics", tmp_path)
    assert ran.code == 2
    assert "buy this app together with a CSV table" in ran.errors


def test_its_bundle_holds_the_program_and_no_wheel():
    bundle, verified = bundled("csv_statistics")
    assert {"main.py", "README.md", "columns/table.py"} <= set(verified.files)
    assert verified.manifest.wheels == ()
    assert bundled("csv_statistics")[0].archive == bundle.archive
