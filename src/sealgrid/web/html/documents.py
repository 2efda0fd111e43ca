"""The documentation as pages: the Markdown files of a checkout's ``docs`` folder, or their copies in a wheel."""

import itertools
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from sealgrid.storage.set_up_cache import checkout_folder

_FOLDERS: Final = ("howto", "protocol", "reference", "explanation")
INDEX: Final = ""  #: path of the page that lists the others
_markdown = MarkdownIt("js-default", {"html": False, "linkify": False})


@dataclass(frozen=True, slots=True)
class Document:
    """One page of the documentation."""

    path: str  #: below /docs, without ".md"
    title: str
    html: Markup


def documents_folder() -> Path:
    """Return the folder of the documentation: of the checkout, else the copy in the installed package."""
    checkout = checkout_folder()
    return checkout / "docs" if checkout else Path(__file__).parents[1] / "docs"


def read_documents(root: Path) -> dict[str, Document]:
    """Return the pages of a folder by path."""
    files = [
        root / "README.md",
        root / "glossary.md",
        *(file for name in _FOLDERS for file in (root / name).glob("*.md")),
    ]
    texts = {_path_of(file.relative_to(root).as_posix()): file.read_text() for file in files if file.is_file()}
    return {path: _document(path, text, set(texts)) for path, text in sorted(texts.items())}


def _path_of(name: str) -> str:
    return INDEX if name == "README.md" else name.removesuffix(".md")


def _document(path: str, text: str, paths: set[str]) -> Document:
    tokens = _markdown.parse(text)
    title = next((after.content for token, after in itertools.pairwise(tokens) if token.tag == "h1"), path)
    for token, after in itertools.pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _anchor(after.content))
        if token.type == "fence":
            token.attrSet("tabindex", "0")
        if token.children:
            token.children = _with_site_links(token.children, path, paths)
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    return Document(path, title.replace("`", ""), Markup(html))  # noqa: S704  our own text; HTML is switched off


def _with_site_links(tokens: list[Token], path: str, paths: set[str]) -> list[Token]:
    """Return a line's tokens with links to pages of this site; a link to another file of the checkout is text."""
    kept, is_open = [], False
    for token in tokens:
        if token.type == "link_open":
            target = _target(str(token.attrs["href"]), path, paths)
            is_open = target is not None
            if target is not None:
                token.attrSet("href", target)
                kept.append(token)
        elif token.type != "link_close" or is_open:
            kept.append(token)
    return kept


def _target(href: str, path: str, paths: set[str]) -> str | None:
    if href.startswith(("https://", "#")):
        return href
    name, hash_sign, fragment = href.partition("#")
    parts: list[str] = []
    for part in (PurePosixPath(path).parent / name).parts:
        if part != "..":
            parts.append(part)
        elif not parts or not parts.pop():
            return None
    found = _path_of("/".join(parts))
    return f"/docs/{found}{hash_sign}{fragment}".rstrip("/") if found in paths else None


def _anchor(heading: str) -> str:
    """Return a heading's anchor as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
