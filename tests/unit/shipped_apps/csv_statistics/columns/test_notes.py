"""Notes: exact and with examples for the owner; for buyers only what describes ten cells or more."""

from sealgrid.shipped_apps.csv_statistics.columns.notes import Note, shortened


def counted(cells: int, text: str = "NA") -> Note:
    note = Note("left out as missing")
    for _ in range(cells):
        note.add(text)
    return note


def test_the_owner_sees_the_count_and_examples():
    assert counted(3).private() == "left out as missing: 3 cells ('NA')"
    assert counted(1).private() == "left out as missing: 1 cell ('NA')"


def test_a_result_has_a_count_only_where_it_and_the_rest_are_ten_or_none():
    assert counted(9).public(100) == {"what": "left out as missing", "cells": None}
    assert counted(95).public(100)["cells"] is None
    assert counted(90).public(100)["cells"] == 90
    assert counted(100).public(100)["cells"] == 100


def test_an_example_of_fewer_than_ten_cells_is_in_no_result():
    note = counted(20)
    note.add("Secretville")
    assert note.public(100)["examples"] == ["NA"]
    assert "Secretville" in note.private()


def test_a_note_that_quotes_a_value_is_in_a_result_only_from_ten_cells_on():
    assert Note("-999 counts as a number", 9, hidden_if_few=True).public(100) == {}
    assert Note("-999 counts as a number", 10, hidden_if_few=True).public(100)["cells"] == 10


def test_an_example_is_short_and_on_one_line():
    assert shortened("a\nb\x1b[31m") == "a b\N{REPLACEMENT CHARACTER}[31m"
    assert len(shortened("x" * 99)) == 40
