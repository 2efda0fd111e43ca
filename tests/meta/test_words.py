"""The words of the tree: class names are unique, names carry no private vocabulary, the glossary names what exists."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

from tests.meta.syntax import parse

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "sealgrid"
GENERATED = PACKAGE / "sdk" / "sync"  # named as the asynchronous classes without their prefix
APPS = PACKAGE / "shipped_apps"
GLOSSARY = ROOT / "docs" / "glossary.md"

#: words that hide a role behind a picture; each has a standard word in the glossary
BANNED = {
    "clerk",
    "desk",
    "doorman",
    "errand",
    "errands",
    "face",
    "held",
    "paper",
    "poolside",
    "seen",
    "shelf",
    "sight",
    "told",
    "chainside",
    "chainhand",
    "workshop",
    "counterparts",
    "digits",
}
#: nouns and adjectives of the field that end like participles
NOT_PARTICIPLES = {
    "binding",
    "feed",
    "listing",
    "matching",
    "missing",
    "padding",
    "parsing",
    "ping",
    "seed",
    "signing",
    "spelling",
    "string",
    "token",
    "warning",
}


@cache
def _classes() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        if GENERATED in path.parents:
            continue
        for node in ast.walk(parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(str(path.relative_to(PACKAGE)))
    return found


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def test_each_class_name_is_defined_once():
    assert {name: places for name, places in _classes().items() if len(places) > 1} == {}


def test_no_module_or_class_has_a_name_of_the_private_vocabulary():
    modules = {path.stem for path in PACKAGE.rglob("*.py")} | {
        path.name for path in PACKAGE.rglob("*") if path.is_dir()
    }
    assert [name for name in sorted({*modules, *_classes()}) if BANNED & set(_words(name))] == []


def test_no_class_is_a_bare_participle():
    bare = [name for name in _classes() if len(_words(name)) == 1 and re.search(r"(ed|en|ing)$", name.lower())]
    assert [name for name in bare if name.strip("_").lower() not in NOT_PARTICIPLES] == []


def test_no_module_is_named_by_a_gerund():
    gerunds = [path.stem for path in PACKAGE.rglob("*.py") if path.stem.split("_")[-1].endswith("ing")]
    assert [name for name in gerunds if name.split("_")[-1] not in NOT_PARTICIPLES] == []


def test_the_glossary_names_classes_that_exist():
    named = {name for name in re.findall(r"`([A-Z]\w+)`", GLOSSARY.read_text()) if not name.isupper()}
    contracts = {path.stem for path in (ROOT / "contracts").rglob("*.vy")}
    assert named
    assert named - set(_classes()) - contracts == set()


def test_every_term_of_the_glossary_is_defined_once():
    rows = re.findall(r"^\| ([^|]+) \|", GLOSSARY.read_text(), re.MULTILINE)
    terms = [term.strip() for row in rows if row not in {"term", "---"} for term in row.split(",")]
    assert len(terms) > 50
    assert sorted(terms) == sorted(set(terms))
