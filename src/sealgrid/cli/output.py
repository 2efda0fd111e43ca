"""Standard output and standard error of the commands, as text for people or JSON for programs."""

import codecs
import io
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from sealgrid.sdk.network import Network

#: Control characters except tab and line feed, and those that change the direction of the text after them.
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Terminal(Console):
    """A console that escapes control characters on a terminal; a pipe gets the text unchanged.

    Without it, results, logs and names that others wrote could control the terminal.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text to draw for a string."""
        return super().render_str(escape_controls(text) if self.is_terminal else text, **options)


stdout = Terminal()  #: the result of a command
stderr = Terminal(stderr=True)  #: progress, warnings, hints


_PLAIN = {"…": "...", "█": "#"}  #: characters of our own sentences in ASCII
_REPLACE = "sealgrid-replace"  #: name of the error handler


def replace_unencodable() -> None:
    """Write characters that the terminal's encoding lacks as ASCII or as escapes, instead of raising an error."""
    codecs.register_error(_REPLACE, _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_REPLACE)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_to_ascii, error.object[error.start : error.end])), error.end


def _to_ascii(character: str) -> str:
    """Return ASCII for a character: our own punctuation, else escapes that are valid in JSON too."""
    if character in _PLAIN:
        return _PLAIN[character]
    units = character.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[n] << 8 | units[n + 1]:04x}" for n in range(0, len(units), 2))


def escape_controls(text: str) -> str:
    r"""Return a text with every control character escaped, as ``\x1b``."""
    return _CONTROL_CHARACTERS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def print_result(document: object, lines: Iterable[str], *, as_json: bool) -> None:
    """Print one JSON document for programs, or lines for people."""
    if as_json:
        encoded = msgspec.json.encode(document, enc_hook=_to_builtin)
        print(msgspec.json.format(encoded).decode())
        return
    for line in lines:
        stdout.print(line, markup=False)


def _to_builtin(value: object) -> object:
    return int(value) if isinstance(value, int) else str(value)


def print_warnings(sentences: Iterable[str]) -> None:
    """Print sentences in yellow on standard error."""
    for sentence in sentences:
        stderr.print(sentence, style="yellow", markup=False)


def warn_if_simulated(network: "Network") -> None:
    """Warn, before a secret goes to a network of simulated enclaves, that these protect nothing."""
    from sealgrid.sdk.simulated_warning import SENTENCE

    if network.allow_simulated:
        stderr.print(f"warning: {SENTENCE}", style="bold yellow")


def credit_note(network: "Network") -> str:
    """Return the words after an amount that say that it is in test credits, if it is."""
    return " (test credits)" if network.has_test_money else ""
