"""What commands print: control characters, documents, notes."""

import json
from pathlib import Path

from sealgrid.cli.output import credit_note, escape_controls, print_result
from sealgrid.sdk.amounts import amount
from tests.unit.sdk.network_file import network


def test_tabs_line_feeds_and_every_script_are_unchanged():
    assert escape_controls("a\tb\n湘 é 🚲") == "a\tb\n湘 é 🚲"


def test_amounts_are_numbers_and_paths_text_in_json(capsys):
    print_result({"price": amount("0.5"), "path": Path("/a")}, ["for people"], as_json=True)
    assert json.loads(capsys.readouterr().out) == {"price": 500_000_000, "path": "/a"}


def test_amounts_of_a_local_network_are_marked_as_test_credits():
    assert credit_note(network(folder="/nowhere")) == " (test credits)"
    assert credit_note(network()) == ""
