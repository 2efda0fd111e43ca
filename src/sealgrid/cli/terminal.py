"""Consoles on which strangers' words stay words: an app's result, a log or a name could else command the terminal."""

import re
from typing import Any

from rich.console import Console
from rich.text import Text

#: Control characters but tab and line feed, and those that turn the direction of what follows.
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Terminal(Console):
    """A console that shows control characters where a person looks; a pipe gets exactly what there is."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """Return what is drawn for a string."""
        return super().render_str(harmless(text) if self.is_terminal else text, **how)


def harmless(text: str) -> str:
    r"""Return a text with every control character spelled out, as ``\x1b``."""
    return _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
