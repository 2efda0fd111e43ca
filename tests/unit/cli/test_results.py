"""A result on standard output or in a folder: for people or programs, and no file outside that folder."""

import json

import pytest

from sealgrid.cli import results
from sealgrid.cli.output import Terminal, escape_controls
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.open_result import RunResult

OVERVIEW, DATA = b"3 rows of :100: [bold]bikes[/bold]\n", json.dumps({"rows": ["bike"] * 2000}).encode()


def printed(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes], *, to_a_person: bool) -> str:
    console = Terminal()
    monkeypatch.setattr(Terminal, "is_terminal", property(lambda _: to_a_person))
    monkeypatch.setattr(results, "stdout", console)
    with console.capture() as captured:
        results.print_files(files)
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


def test_the_end_of_a_log_is_printed_with_the_command_for_all_of_it(monkeypatch):
    console = Terminal()
    monkeypatch.setattr(results, "stderr", console)
    with console.capture() as captured:
        results.print_log_tail("\n".join(f"line {n}" for n in range(20)) + "\n" + "x" * 1000 + "\n\n", "0x11")
    lines = captured.get().splitlines()
    assert "sealgrid task log 0x11" in lines[0]
    assert lines[1:] == [*(f"  line {n}" for n in range(11, 20)), "  " + "x" * results.MAX_LOG_LINE]


def test_an_empty_log_prints_nothing(monkeypatch):
    console = Terminal()
    monkeypatch.setattr(results, "stderr", console)
    with console.capture() as captured:
        results.print_log_tail(" \n", "0x11")
    assert captured.get() == ""


def test_a_result_is_written_below_its_folder_alone(tmp_path):
    results.write_files({"a/b": b"1", "c": b"2"}, tmp_path / "result")
    assert (tmp_path / "result/a/b").read_bytes() == b"1"
    for name in ("../escaped", "/tmp/escaped", "a/../../escaped"):
        with pytest.raises(InputRefused, match="outside its folder"):
            results.write_files({name: b""}, tmp_path / "other")
    assert not (tmp_path / "escaped").exists()


async def test_the_error_for_a_result_that_cannot_be_written_states_where_the_price_is(tmp_path):
    class Paid:
        task = "0x" + "11" * 32

        async def result(self, *_, **__):
            return RunResult({"../escaped": b"", "sealgrid.json": b'{"exit":0}'})

        async def money(self):
            return "paid"

    with pytest.raises(InputRefused, match="outside its folder") as refused:
        await results.follow(Paid(), None, tmp_path / "out", results.FollowTimeouts(None, 30))
    assert refused.value.money == "paid"


def test_no_file_of_a_user_is_overwritten_or_written_through(tmp_path):
    (tmp_path / "result").mkdir()
    (tmp_path / "result/mine").write_bytes(b"mine")
    (tmp_path / "result/link").symlink_to(tmp_path / "result/elsewhere")
    for name in ("mine", "link"):
        with pytest.raises(OSError, match="File exists"):
            results.write_files({name: b"the app's"}, tmp_path / "result")
    assert (tmp_path / "result/mine").read_bytes() == b"mine"
