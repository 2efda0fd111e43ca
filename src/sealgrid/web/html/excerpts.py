"""Plain text from the beginning of a stranger's Markdown, and the tags in its front matter."""

import re
from typing import Final

from markdown_it import MarkdownIt

MAX_READ: Final = 6000  #: characters of a text that are parsed
MAX_BRACKETS: Final = 100  #: the parser scans the rest of the text for each opening bracket
MAX_TAGS: Final = 8
MAX_TAG: Final = 30  #: characters
_FENCE: Final = "---"
_TAG: Final = re.compile(r"[\w][\w .+#/-]*")
_markdown = MarkdownIt("js-default", {"html": False, "linkify": False})


def split_front_matter(text: str) -> tuple[tuple[str, ...], str]:
    """Return the tags in a text's front matter, and the text without it.

    Front matter is the lines between two lines ``---`` at the very beginning, as Hugging Face's model cards have them.
    Tags are ``tags: [a, b]`` or a list with one ``- a`` a line. Anything else in it is skipped.
    """
    first, _, rest = text[:MAX_READ].partition("\n")
    lines = rest.splitlines()
    end = next((number for number, line in enumerate(lines) if line.rstrip() == _FENCE), None)
    if first.rstrip() != _FENCE or end is None:
        return (), text
    length = len(first) + 1 + sum(len(line) for line in rest.splitlines(keepends=True)[: end + 1])
    return _tags(lines[:end]), text[length:]


def _tags(lines: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    is_list = False
    for line in lines:
        key, colon, value = line.partition(":")
        if is_list and line.lstrip().startswith("- "):
            found.append(line.lstrip()[2:])
        elif colon and key.strip() == "tags":
            found += value.strip().strip("[]").split(",")
            is_list = not value.strip()
        else:
            is_list = False
    tags = [tag.strip().strip("'\"").casefold() for tag in found]
    return tuple(dict.fromkeys(tag for tag in tags if len(tag) <= MAX_TAG and _TAG.fullmatch(tag)))[:MAX_TAGS]


def excerpt(text: str, limit: int) -> str:
    """Return the words of a Markdown text's paragraphs, lists and later headings, up to ``limit`` characters.

    A heading at the beginning is left out: lists show the name already.
    """
    text = text[:MAX_READ]
    if text.count("[") > MAX_BRACKETS:
        return _cut(" ".join(text.split()), limit)
    tokens = _markdown.parse(text)
    if tokens and tokens[0].type == "heading_open":
        tokens = tokens[3:]
    words: list[str] = []
    for token in tokens:
        if token.type == "inline" and token.children:
            words += [
                child.content if child.type in {"text", "code_inline"} else " "
                for child in token.children
                if child.type in {"text", "code_inline", "softbreak", "hardbreak"}
            ]
            words.append(" ")
    return _cut(" ".join("".join(words).split()), limit)


def _cut(text: str, limit: int) -> str:
    """Return a text that ends with a whole word and an ellipsis if it is longer than ``limit``."""
    if len(text) <= limit:
        return text
    start = text[: limit - 1]
    whole, space, _ = start.rpartition(" ")
    return (whole if space and len(whole) > limit // 2 else start).rstrip() + "…"
