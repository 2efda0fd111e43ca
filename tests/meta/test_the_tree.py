"""The tree keeps its own rules."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sealgrid import errors
from tests.meta.syntax import parse

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def test_the_error_tree_is_drawn_as_it_is():
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    defined = [
        name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.SealgridError)
    ]
    assert sorted(set(drawn) | {"SealgridError"}) == sorted(defined)


def _parsed(path: Path) -> ast.Module:
    return parse(path.read_text())


def test_every_error_lives_in_the_tree():
    outside = [
        f"{path.name}: {node.name}"
        for path in SOURCES
        if path.name != "errors.py"
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in vars(errors) for base in node.bases)
    ]
    assert outside == []


@pytest.mark.parametrize(
    "name", ["sealgrid.storage_node.runner", "sealgrid.platform.runner", "sealgrid.enclave.session"]
)
def test_what_does_not_touch_the_chain_never_loads_its_library(name):
    code = f"import sys, {name}; sys.exit(any(m.split('.')[0] in ('web3', 'eth_account') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_chains_library_does_not_leave_a_raised_recursion_limit():
    code = "import sealgrid.chain.node, sys; sys.exit(sys.getrecursionlimit() != 1000)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_room_is_called_after_nothing():
    vague = [path.stem for path in SOURCES if path.stem in {"utils", "helpers", "manager", "common", "misc"}]
    assert vague == []


def test_every_module_has_a_docstring():
    silent = [
        str(p.relative_to(ROOT)) for p in SOURCES if p.name != "__init__.py" and not ast.get_docstring(_parsed(p))
    ]
    assert silent == []


def test_locks_carry_hashes_and_no_addresses():
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        text = lock.read_text()
        assert "://" not in text, lock.name
        assert text.count("==") <= text.count("--hash=sha256:"), lock.name


def test_every_protocol_format_is_published():
    published = {path.stem for path in (ROOT / "docs" / "protocol").glob("*.md")}
    assert {
        "container",
        "keys",
        "statements",
        "evidence",
        "facts",
        "receipt",
        "release",
        "bundle",
        "broker",
        "pool",
        "storage",
    } <= published


def test_shipped_modules_import_alone():
    for name in ("sealgrid", "sealgrid.errors", "sealgrid.cli.main"):
        assert importlib.import_module(name)


def test_the_readme_shows_the_blocks_that_the_howtos_test_runs():
    how = (ROOT / "docs" / "howto" / "your-own-model.md").read_text()
    blocks = re.findall(r"```(?:python|sh)\n(?:import sealgrid|sealgrid model).*?```", how, re.DOTALL)
    assert len(blocks) >= 2
    readme = (ROOT / "README.md").read_text()
    assert all(block in readme for block in blocks[:2])


def test_every_picture_and_page_that_the_readme_names_is_there():
    named = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_test_that_the_weaknesses_page_names_exists():
    page = (ROOT / "docs" / "explanation" / "fourteen-weaknesses.md").read_text()
    rows = [line for line in page.splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(rows) == 14
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row[:60]
        for path, test in named:
            assert f"def {test}" in (ROOT / path).read_text(), f"{path}::{test}"
