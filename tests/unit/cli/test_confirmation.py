"""A person confirms before a command acts."""

import io

import pytest
import typer

from sealgrid.cli.confirmation import confirm
from sealgrid.errors import InputRefused


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_the_command_is_refused_with_the_option_to_give(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(InputRefused, match="add --yes"):
        confirm("Delete it?", elsewhere="add --yes to delete it.")


def test_a_yes_goes_on(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    confirm("Delete it?", elsewhere="")
    captured = capsys.readouterr()
    assert "Delete it?" in captured.err
    assert "Delete it?" not in captured.out


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_any_other_answer_ends_with_1(monkeypatch, answer):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(typer.Exit) as end:
        confirm("Delete it?", elsewhere="")
    assert end.value.exit_code == 1
