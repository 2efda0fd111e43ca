"""Tables as spreadsheets, databases, R and pandas write them: each is described as the plain table is."""

import csv
import gzip
import io
import json
import random
import statistics
from collections.abc import Callable

import pytest

from sealgrid.demos.table.expected_statistics import differences
from sealgrid.shipped_apps.csv_statistics.columns.errors import TableRefused
from sealgrid.shipped_apps.csv_statistics.columns.overview import overview
from sealgrid.shipped_apps.csv_statistics.columns.summary import summarise

CHANCE = random.Random(3)
CITIES = ("Łódź", "Århus", "Málaga", "Köln")
ROWS = [(CHANCE.choice(CITIES), round(CHANCE.uniform(-2000, 9000), 2), CHANCE.randint(1, 9)) for _ in range(200)]
NAMES = ("city", "price", "count")
ARABIC = str.maketrans("0123456789.,", "٠١٢٣٤٥٦٧٨٩٫٬")
GERMAN = str.maketrans(",.", ".,")


def written(
    price: Callable[[float], object] = str,
    names: tuple[str, ...] = NAMES,
    delimiter: str = ",",
    end: str = "\r\n",
    row: Callable[[int, list[object]], list[object]] = lambda number, cells: cells,
) -> str:
    text = io.StringIO()
    table = csv.writer(text, delimiter=delimiter)
    table.writerow(names)
    table.writerows(row(number, [city, price(value), count]) for number, (city, value, count) in enumerate(ROWS))
    return text.getvalue().replace("\r\n", end)


def grouped(value: float) -> str:
    return f"{value:,.2f}"


def german(value: float) -> str:
    return grouped(value).translate(GERMAN)


def in_brackets(value: float) -> str:
    return f"({grouped(-value)})" if value < 0 else grouped(value)


def behind(value: float) -> str:
    return german(-value) + "-" if value < 0 else german(value)


TABLES = {
    "t01 German Excel, Windows-1252": written(german, delimiter=";").replace("Łódź", "Lodz").encode("cp1252"),
    "t02 German Excel, UTF-8": written(german, delimiter=";").encode("utf-8-sig"),
    "t03 a line with the delimiter": ("sep=;\r\n" + written(delimiter=";")).encode(),
    "t04 pandas with its index": written(names=("", *NAMES), row=lambda number, cells: [number, *cells]).encode(),
    "t05 dollars": written(lambda value: f"${grouped(value)}" if value >= 0 else f"-${grouped(-value)}").encode(),
    "t08 an old Mac": written(end="\r").encode(),
    "t10 a delimiter behind each row": written(row=lambda number, cells: [*cells, ""]).encode(),
    "t11 a name of two lines": written(names=("city", "price\n", "count")).encode(),
    "t13 Excel's Unicode text": written(delimiter="\t").encode("utf-16"),
    "t14 lines of titles": ("Sales report 2026,,\r\nExported by,finance,\r\n,,\r\n" + written()).encode(),
    "t16 gzip": gzip.compress(written().encode()),
    "t17 tabs": written(delimiter="\t").encode(),
    "t18 NUL": written().replace("Köln", "Kö\0ln").encode(),
    "t21 Arabic digits": written(lambda value: grouped(value).translate(ARABIC)).encode(),
    "t22 Unicode's minus": written(lambda value: str(value).replace("-", "\N{MINUS SIGN}")).encode(),
    "Swiss": written(lambda value: grouped(value).replace(",", "'")).encode(),
    "French": written(lambda value: german(value).replace(".", "\N{NARROW NO-BREAK SPACE}") + " €").encode(),
    "accounts": written(in_brackets).encode(),
    "SAP": written(behind, delimiter=";").encode(),
    "percent": written(lambda value: f"{value}%").encode(),
    "scientific": written(lambda value: f"{value:.9E}").encode(),
    "R's write.table": written(delimiter=" ", names=NAMES)
    .replace("city price count", '"city" "price" "count"')
    .encode(),
    "R's write.csv": written(names=("", *NAMES), row=lambda number, cells: [str(number + 1), *cells]).encode(),
    "a database's terminal": (
        " city | price | count \n------+---+---\n" + written(delimiter="|")[18:] + "(200 rows)\n"
    ).encode(),
    "lines below": (written() + "\r\nSource: World Bank\r\n").encode(),
    "names again": (written() + "city,price,count\r\n").encode(),
    "a rare delimiter": written(delimiter="¦").encode(),
    "World Bank": (
        '"Data Source","Indicators",\n\n"Last Updated Date","2026-01-01",\n\n' + written(end=",\n")
    ).encode(),
    "rows of delimiters": (written() + ",,\r\n" * 30).encode(),
}
REFERENCE = {"t01 German Excel, Windows-1252": "Lodz"}


def described(folder, content: bytes) -> dict:
    (folder / "t").write_bytes(content)
    return json.loads(json.dumps(summarise(folder / "t")))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_the_numbers_that_were_written(tmp_path, name):
    result = described(tmp_path, TABLES[name])
    columns = {column["name"]: column for column in result["columns"]}
    prices, counts = ([row[place] for row in ROWS] for place in (1, 2))
    assert result["rows"] == 200
    assert tuple(columns) == NAMES
    assert columns["price"]["mean"] == pytest.approx(statistics.fmean(prices), rel=1e-5)
    assert columns["price"]["deviation"] == pytest.approx(statistics.stdev(prices), rel=1e-5)
    assert columns["count"]["mean"] == pytest.approx(statistics.fmean(counts), rel=1e-5)
    assert sum(each["rows"] for each in columns["city"]["most_frequent"]) + columns["city"]["others"] == 200
    assert "Köln" in {each["value"] for each in columns["city"]["most_frequent"]}


UNKNOWN_TO_THE_REFERENCE = {"NUL", "again", "rare"}


@pytest.mark.parametrize("name", [name for name in TABLES if not UNKNOWN_TO_THE_REFERENCE & {*name.split()}])
def test_a_reader_without_the_apps_code_agrees(tmp_path, name):
    assert differences(TABLES[name], described(tmp_path, TABLES[name])) in {(), *ROW_COUNTS.get(name, ())}


#: the reference counts lines that are no rows
ROW_COUNTS = {
    "lines below": [("the table has 201 rows, not 200",)],
    "a database's terminal": [("the table has 202 rows, not 200",)],
}


LINES = written().splitlines(keepends=True)
TOTAL = f"{sum(row[1] for row in ROWS):.2f},{sum(row[2] for row in ROWS)}\r\n"
LEFT_OUT = {
    "totals": (written() + "Total," + TOTAL, "rows of totals below the table are left out (1)"),
    "totals and a source": (
        written() + "Gesamt:," + TOTAL + "\r\nQuelle: Amt\r\n",
        "lines below the table are left out (1)",
    ),
    "totals without a word": (written() + "\r\n," + TOTAL, "rows of totals below the table are left out (1)"),
    "comments": (
        "# a, b, c\r\n" + written() + "# end of the file\r\n",
        "lines that begin as comments are left out (1)",
    ),
    "a logger's names, units and kinds": (
        '"TOA5","tower","CR1000","1","std","prog","9","Table"\r\n'
        + written().replace("count\r\n", "count\r\ntext,EUR,pieces\r\n,Avg,Smp\r\n"),
        "lines of units or labels below the line of names are left out (2)",
    ),
    "a report's total": (written() + "Total income," + TOTAL, "rows of totals below the table are left out (1)"),
    "two files, each with a mark": (
        "".join(["\ufeff", *LINES[:100], "\ufeff", LINES[0], *LINES[100:]]),
        "repeated lines of names are left out (1)",
    ),
    "SAP's stars": (
        written(delimiter="|") + "---|---|---\r\n*|" + TOTAL.replace(",", "|"),
        "rows of totals below the table are left out (1)",
    ),
    "Oracle's terminal": (
        "city       price      count\n---------- ---------- ----------\n"
        + "".join(f"{city:<10} {price:>10} {count:>10}\n" for city, price, count in ROWS)
        + "\n200 rows selected.\n",
        "lines below the table are left out (1)",
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_lines_that_are_no_rows_are_left_out_with_a_note(tmp_path, name):
    content, note = LEFT_OUT[name]
    result = described(tmp_path, content.encode())
    assert result["rows"] == 200
    assert note in {each["what"] for each in result["notes"]}
    _, price, count = result["columns"]
    assert (price["name"], price["mean"]) == (
        "price",
        pytest.approx(statistics.fmean(row[1] for row in ROWS), rel=1e-5),
    )
    assert count["mean"] == pytest.approx(statistics.fmean(row[2] for row in ROWS), rel=1e-5)


def test_a_label_of_totals_above_other_rows_is_a_row(tmp_path):
    content = written(row=lambda number, cells: ["Total", *cells[1:]] if number < 20 else cells)
    result = described(tmp_path, content.encode())
    assert (result["rows"], result["columns"][1]["values"]) == (200, 200)


def test_t09_years_are_names(tmp_path):
    result = described(tmp_path, written(names=("country", "2019", "2020")).encode())
    assert [column["name"] for column in result["columns"]] == ["country", "2019", "2020"]
    assert result["notes"] == [{"what": "names that are years are names of columns"}]


def test_t12_a_line_end_within_a_cell_stays_in_the_result_and_not_in_the_overview(tmp_path):
    result = described(tmp_path, written(lambda value: 'line one\nline "two"').encode())
    assert result["columns"][1]["most_frequent"][0]["value"] == 'line one\nline "two"'
    assert 'line one line "two" 200' in overview(result)


def test_t15_times_are_dates(tmp_path):
    result = described(tmp_path, written(lambda value: f"2026-01-{int(value) % 28 + 1:02} 10:00:01").encode())
    column = result["columns"][1]
    assert (column["kind"], column["values"], column["mean"][:8]) == ("date", 200, "2026-01-")
    (note,) = column["notes"]
    assert (note["what"], note["cells"]) == ("times of day are left out", 200)


def test_t20_telephone_numbers_and_postcodes_are_texts_with_a_note(tmp_path):
    phones = written(
        lambda value: f"06{abs(int(value)):08}",
        ("zip", "phone", "count"),
        row=lambda number, cells: ["01009", *cells[1:]],
    )
    zipcode, phone, _ = described(tmp_path, phones.encode())["columns"]
    assert zipcode["most_frequent"] == [{"value": "01009", "rows": 200}]
    assert (phone["kind"], "identifiers" in phone["notes"][0]["what"]) == ("text", True)


MISSING = (
    "",
    "NA",
    "N/A",
    "#N/A",
    "NaN",
    "nan",
    "NULL",
    "null",
    "None",
    "\\N",
    "<NA>",
    "-",
    ".",
    "?",
    "n.a.",
    "k.A.",
    "inf",
)


@pytest.mark.parametrize("spelling", MISSING)
def test_missing_numbers_are_left_out_and_counted(tmp_path, spelling):
    content = written(row=lambda number, cells: [cells[0], spelling if number % 4 == 0 else cells[1], cells[2]])
    price = described(tmp_path, content.encode())["columns"][1]
    expected = [row[1] for number, row in enumerate(ROWS) if number % 4]
    assert (price["kind"], price["values"]) == ("number", 150)
    assert price["mean"] == pytest.approx(statistics.fmean(expected), rel=1e-5)
    noted = [{"what": "left out as missing", "cells": 50, "examples": [spelling]}]
    assert price.get("notes", []) == (noted if spelling else [])


@pytest.mark.parametrize("code", ["suppressed", "(D)", "<5", "нет данных", "無"])
def test_a_code_among_many_numbers_is_left_out_and_counted(tmp_path, code):
    content = written(row=lambda number, cells: [cells[0], code if number % 4 == 0 else cells[1], cells[2]])
    price = described(tmp_path, content.encode())["columns"][1]
    assert (price["kind"], price["values"]) == ("number", 150)
    assert price["notes"] == [{"what": "left out, not a number", "cells": 50, "examples": [code]}]


def test_categories_of_numbers_and_words_stay_texts(tmp_path):
    sizes = (36, 38, 40, "S", "M")
    content = written(row=lambda number, cells: [cells[0], sizes[number % 5], cells[2]])
    column = described(tmp_path, content.encode())["columns"][1]
    assert (column["kind"], len(column["most_frequent"])) == ("text", 5)


@pytest.mark.parametrize("mark", ["~", "<", "≈", "“"])
def test_a_mark_before_numbers_that_makes_them_texts_is_noted(tmp_path, mark):
    price = described(tmp_path, written(lambda value: f"{mark}{abs(value)}").encode())["columns"][1]
    assert price["kind"] == "text"
    assert "cells begin with a number" in price["notes"][0]["what"]


def test_a_date_that_stands_for_no_end_is_missing(tmp_path):
    content = written(lambda value: "9999-12-31" if value < 0 else f"2026-01-{int(value) % 28 + 1:02}")
    column = described(tmp_path, content.encode())["columns"][1]
    assert (column["kind"], column["mean"][:8]) == ("date", "2026-01-")
    assert column["notes"][0]["examples"] == ["9999-12-31"]


def test_a_cell_of_many_characters_is_read(tmp_path):
    content = written(lambda value: "a" * 200_000 if value > 8900 else "b")
    assert described(tmp_path, content.encode())["rows"] == 200


def test_flags_behind_numbers_of_eurostat_are_left_out(tmp_path):
    rows = [
        f"R{number}\t{price} {'bp' if number % 2 else ''}\t{': ' if number < 20 else count}"
        for number, (_, price, count) in enumerate(ROWS)
    ]
    content = "\n".join(["geo\\TIME_PERIOD\t2025 \t2026 ", *rows])
    _, price, count = described(tmp_path, content.encode())["columns"]
    assert (price["kind"], price["values"], count["values"]) == ("number", 200, 180)
    assert price["mean"] == pytest.approx(statistics.fmean(row[1] for row in ROWS), rel=1e-5)


def test_totals_among_rows_count_as_rows_with_a_note(tmp_path):
    content = written(row=lambda number, cells: ["Köln Total", *cells[1:]] if number == 50 else cells)
    result = described(tmp_path, content.encode())
    assert result["rows"] == 200
    assert result["notes"] == [{"what": "rows that are named like totals or parts of them count as rows (1)"}]


def test_a_line_within_quotation_marks_is_no_row(tmp_path):
    lines = "\n".join(f'"{line}"' for line in written(end="\n").splitlines())
    with pytest.raises(TableRefused, match="each line is one cell"):
        described(tmp_path, lines.encode())


def test_a_code_that_is_twice_any_other_number_is_noted(tmp_path):
    content = written(row=lambda number, cells: [*cells[:2], 99 if number % 10 == 0 else cells[2]])
    count = described(tmp_path, content.encode())["columns"][2]
    assert count["notes"][0]["what"].startswith("99 counts as a number, though it is twice any other")
