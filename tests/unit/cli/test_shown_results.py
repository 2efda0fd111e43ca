"""What a terminal shows of a result: its overview to a person, its data to a program, no command of a stranger's."""

import json

import pytest

from sealgrid.cli import results
from sealgrid.cli.terminal import Terminal, harmless
from sealgrid.sdk.operations.open_result import RunResult

OVERVIEW, DATA = b"3 rows of :100: [bold]bikes[/bold]\n", json.dumps({"rows": ["bike"] * 2000}).encode()


def shown(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], *, to_a_person: bool) -> str:
    told = Terminal()
    monkeypatch.setattr(Terminal, "is_terminal", property(lambda _: to_a_person))
    monkeypatch.setattr(results, "answers", told)
    with told.capture() as captured:
        results._show(RunResult(files))
    return captured.get()


def test_a_person_sees_the_overview_as_the_app_wrote_it(monkeypatch):
    assert shown(monkeypatch, {"overview.txt": OVERVIEW, "result.json": DATA}, to_a_person=True).encode() == OVERVIEW


def test_a_program_gets_the_data_whole(monkeypatch):
    told = shown(monkeypatch, {"overview.txt": OVERVIEW, "result.json": DATA}, to_a_person=False)
    assert json.loads(told) == json.loads(DATA)


def test_a_person_sees_the_beginning_of_data_without_an_overview(monkeypatch):
    told = shown(monkeypatch, {"result.json": DATA}, to_a_person=True)
    assert told.startswith('{"rows": ["bike"')
    assert told.endswith(" …\n")
    assert len(told) < results.MOST_SHOWN + 10


@pytest.mark.parametrize("command", ["\x1b]0;title\x07", "\x1b[2J", "\rpaid", "\x9b2J", "\x08", "\u202egpj.exe"])
def test_what_would_command_the_terminal_is_spelled_out(monkeypatch, command):
    told = shown(monkeypatch, {"overview.txt": f"a{command}b".encode()}, to_a_person=True)
    assert told == f"a{harmless(command)}b\n"
    assert harmless(command).isprintable()


def test_tabs_line_feeds_and_every_script_stay():
    assert harmless("a\tb\n湘 é 🚲") == "a\tb\n湘 é 🚲"
