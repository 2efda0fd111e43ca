"""Links, file names, rooms and the list of decisions in the documentation agree with the tree."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "sealgrid"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *PACKAGE.rglob("*.md")])
EXAMPLES = {"word_count/main.py"}  #: a file that a reader of the page writes


def id_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose_of(page: Path) -> str:
    """Return a page without its fenced code blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def links_of(page: Path) -> list[tuple[str, str]]:
    """Return path and anchor of each relative link."""
    links = re.findall(r"\]\(([^)\s]+)\)", prose_of(page))
    return [tuple(link.partition("#")[::2]) for link in links if "://" not in link and not link.startswith("mailto:")]


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    targets = [((page.parent / path).resolve() if path else page, anchor) for path, anchor in links_of(page)]
    return [
        f"{target}#{anchor}"
        for target, anchor in targets
        if not target.exists() or (anchor and anchor not in anchors_of(target))
    ]


def missing_files(page: Path) -> list[str]:
    """Return the paths of sources and tests in code spans, and in code blocks of tests, that do not exist."""
    text = page.read_text()
    named = re.findall(r"`([a-z_]+(?:/[\w.]+)*/\w+\.(?:py|vy|mjs))(?:::\w+)?`", text)
    named += re.findall(r"\b(tests/[\w/]+\.py)\b", text)
    return [
        name for name in named if not any((base / name).exists() for base in (ROOT, PACKAGE)) and name not in EXAMPLES
    ]


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_relative_link_has_a_target(page):
    assert broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=id_of)
def test_every_source_and_test_file_that_a_page_names_exists(page):
    assert missing_files(page) == []


def test_a_broken_link_anchor_or_file_name_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A title\n[1](#a-title) [2](#no-title) [3](absent.md) `crypto/absent.py` `crypto/hpke.py`\n")
    assert [link.rpartition("/")[2] for link in broken_links(page)] == ["page.md#no-title", "absent.md#"]
    assert missing_files(page) == ["crypto/absent.py"]


def test_the_architecture_page_names_the_rooms_and_their_layers():
    text = (DOCS / "explanation" / "architecture.md").read_text()
    table = text.split("| layer | rooms |")[1].split("\n\n")[0]
    drawn = [re.findall(r"`(\w+)`", row) for row in table.splitlines() if "`" in row]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    assert [set(row) for row in drawn[:-1]] == [set(layer.split(" | ")) for layer in layers[:-2]]
    assert set(drawn[-1]) == set(layers[-2:])


def test_the_architecture_page_draws_every_room_and_only_folders_that_exist():
    tree = (DOCS / "explanation" / "architecture.md").read_text().split("## The tree")[1].split("```")[1]
    package = tree.split("src/sealgrid/\n")[1].split("contracts/")[0]
    room, rooms, absent = "", set(), []
    for line in package.splitlines():
        indent = len(line) - len(line.lstrip())
        for name in re.findall(r"(\w+)/", line[:27]):
            room = name if indent == 2 else room
            rooms |= {name} if indent == 2 else set()
            folder = PACKAGE / name if indent == 2 else PACKAGE / room / name
            absent += [] if folder.is_dir() else [str(folder)]
    assert absent == []
    assert rooms == {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()} | {"shipped_apps"}


def test_the_decisions_are_numbered_without_gaps_each_with_a_status_and_listed_by_title():
    pages = sorted((DOCS / "adr").glob("0*.md"))
    listed = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+)\) \|$", (DOCS / "adr" / "README.md").read_text(), re.MULTILINE)
    assert [(number, name) for number, _, name in listed] == [(str(n), page.name) for n, page in enumerate(pages, 1)]
    for (number, title, _), page in zip(listed, pages, strict=True):
        lines = page.read_text().splitlines()
        assert lines[0] == f"# {number}. {title}"
        assert re.fullmatch(r"Status: [a-z]+, \d{4}-\d\d-\d\d", lines[2]), page.name
