"""The texts of ``--help``, and the commands that other texts name."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from sealgrid.cli.main import app

ROOT = Path(__file__).parents[3]
TEXTS = sorted(
    path
    for folder, pattern in (
        ("src/sealgrid", "*.py"),
        ("src/sealgrid", "*.html"),
        ("src/sealgrid", "*.js"),
        ("docs/howto", "*.md"),
        ("docs/reference", "*.md"),
        (".", "README.md"),
    )
    for path in (ROOT / folder).glob(pattern if folder == "." else f"**/{pattern}")
)
#: ``sealgrid`` and the words after it that a command line can have, up to the end of the line or of the quotation
NAMED = re.compile(r"\bsealgrid((?: +[A-Za-z0-9_.|/…<>{}\[\]=:*-]+)+)")
JOINED = re.compile(r"\\\n\s*|\"\s*\n\s*f?\"")  # a line that continues, in a shell and in Python


def commands(command: Any, path: tuple[str, ...] = ("sealgrid",)) -> Iterator[tuple[str, Any]]:
    """Yield each command and group with its name."""
    yield " ".join(path), command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


SEALGRID = typer.main.get_command(app)
COMMANDS = dict(commands(SEALGRID))
PARAMETERS = {
    f"{name} {(parameter.opts or [parameter.name])[0]}": parameter
    for name, command in COMMANDS.items()
    for parameter in command.params
    if parameter.name != "help"
}


def test_every_help_is_a_sentence():
    helps = {name: each.help or "" for name, each in PARAMETERS.items()}
    helps |= {name: (each.help or "").partition("\n")[0] for name, each in COMMANDS.items()}
    assert [name for name, text in helps.items() if not text.endswith(".")] == []


def test_every_value_has_a_metavar_and_a_folder_is_dir_everywhere():
    """Without a metavar the help prints <str>, <int range> or <path>."""
    metavars = {name: each.metavar for name, each in PARAMETERS.items() if not getattr(each, "is_flag", False)}
    assert [name for name, metavar in metavars.items() if not metavar or "FOLDER" in metavar] == []


def unknown_words(text: str) -> Iterator[str]:
    """Yield each command or option of ``sealgrid`` that a text names and that does not exist."""
    for found in NAMED.finditer(JOINED.sub(" ", text)):
        command, name, words = SEALGRID, "sealgrid", found[1].split()
        while words and words[0] in getattr(command, "commands", {}):
            command, name = command.commands[words[0]], f"{name} {words[0]}"
            words = words[1:]
        if command is SEALGRID:
            continue  # another sentence with the word
        if hasattr(command, "commands") and words and re.fullmatch("[a-z][a-z-]+", words[0]):
            yield f"{name} {words[0]}"
        known = {each for parameter in (*command.params, *SEALGRID.params) for each in parameter.opts}
        known |= {each for parameter in command.params for each in parameter.secondary_opts}
        for word in words:
            option = word.partition("=")[0].rstrip(".:")
            if re.fullmatch("--[a-z][a-z-]+", option) and option not in known | {"--help"}:
                yield f"{name} {option}"


def test_every_command_and_option_that_a_text_names_exists():
    unknown = {str(path.relative_to(ROOT)): list(unknown_words(path.read_text())) for path in TEXTS}
    assert {path: words for path, words in unknown.items() if words} == {}


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("run `sealgrid task open TASK`", ["sealgrid task open"]),
        ("sealgrid run APP --input FILE", ["sealgrid run --input"]),
        ("sealgrid run APP \\\n  --files a", ["sealgrid run --files"]),
        ("sealgrid --network home task show 0x1", []),
    ],
)
def test_a_command_or_option_that_does_not_exist_is_found(text, unknown):
    assert list(unknown_words(text)) == unknown
