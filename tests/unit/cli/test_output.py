"""What commands print: control characters, documents, notes."""

from sealgrid.cli.output import escape_controls


def test_tabs_line_feeds_and_every_script_are_unchanged():
    assert escape_controls("a\tb\n湘 é 🚲") == "a\tb\n湘 é 🚲"
