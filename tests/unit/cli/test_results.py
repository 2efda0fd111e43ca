"""A result on standard output: its overview for people, its data for programs, without control characters."""

import json

import pytest

from sealgrid.cli import results
from sealgrid.cli.output import Terminal, escape_controls
from sealgrid.sdk.operations.open_result import RunResult

OVERVIEW, DATA = b"3 rows of :100: [bold]bikes[/bold]\n", json.dumps({"rows": ["bike"] * 2000}).encode()


def printed(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], *, to_a_person: bool) -> str:
    console = Terminal()
    monkeypatch.setattr(Terminal, "is_terminal", property(lambda _: to_a_person))
    monkeypatch.setattr(results, "stdout", console)
    with console.capture() as captured:
        results._print(RunResult(files))
    return captured.get()


def test_a_person_sees_the_overview_as_the_app_wrote_it(monkeypatch):
    assert printed(monkeypatch, {"overview.txt": OVERVIEW, "result.json": DATA}, to_a_person=True).encode() == OVERVIEW


def test_a_program_gets_the_data_whole(monkeypatch):
    text = printed(monkeypatch, {"overview.txt": OVERVIEW, "result.json": DATA}, to_a_person=False)
    assert json.loads(text) == json.loads(DATA)


def test_a_person_sees_the_beginning_of_data_without_an_overview(monkeypatch):
    text = printed(monkeypatch, {"result.json": DATA}, to_a_person=True)
    assert text.startswith('{"rows": ["bike"')
    assert text.endswith(" …\n")
    assert len(text) < results.MAX_SHOWN_CHARACTERS + 10


@pytest.mark.parametrize("command", ["\x1b]0;title\x07", "\x1b[2J", "\rpaid", "\x9b2J", "\x08", "\u202egpj.exe"])
def test_control_characters_are_escaped(monkeypatch, command):
    text = printed(monkeypatch, {"overview.txt": f"a{command}b".encode()}, to_a_person=True)
    assert text == f"a{escape_controls(command)}b\n"
    assert escape_controls(command).isprintable()


def test_tabs_line_feeds_and_every_script_are_unchanged():
    assert escape_controls("a\tb\n湘 é 🚲") == "a\tb\n湘 é 🚲"
