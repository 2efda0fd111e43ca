"""What commands print: control characters, documents, notes."""

import io
import json
import sys
from pathlib import Path

import pytest

from sealgrid.cli.output import credit_note, escape_controls, print_result, replace_unencodable, stdout
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


@pytest.fixture
def terminal(monkeypatch):
    """Make standard output and error write to a terminal of an encoding; return what was written."""

    def of(encoding: str) -> io.BytesIO:
        written = io.BytesIO()
        for name in ("stdout", "stderr"):
            stream = io.TextIOWrapper(written, encoding=encoding, write_through=True)
            monkeypatch.setattr(sys, name, stream)
        replace_unencodable()
        return written

    return of


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("latin-1", b"M\xfcnchen: \\u5b81A12345 ..."),
        ("ascii", b"M\\u00fcnchen: \\u5b81A12345 ..."),
        ("utf-8", "München: 宁A12345 …".encode()),
        ("cp1252", b"M\xfcnchen: \\u5b81A12345 \x85"),
    ],
)
def test_characters_that_a_terminal_lacks_are_escaped(terminal, encoding, printed):
    written = terminal(encoding)
    stdout.print("München: 宁A12345 …", markup=False)
    sys.stderr.write("München: 宁A12345 …\n")
    assert written.getvalue().splitlines() == [printed, printed]


def test_json_stays_json_on_every_terminal(terminal):
    document = {"plate": "宁A 🚲", "file": "entr\udce9e"}
    for encoding in ("latin-1", "ascii", "utf-8"):
        written = terminal(encoding)
        print_result(["宁A 🚲"], [], as_json=True)
        assert json.loads(written.getvalue().decode(encoding)) == ["宁A 🚲"]
        written = terminal(encoding)
        sys.stdout.write(json.dumps(document, ensure_ascii=False))
        assert json.loads(written.getvalue().decode(encoding)) == document
