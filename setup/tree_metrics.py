"""Measures the source tree: ``make tree`` prints one ``name: value`` a line.

Files, functions and classes are those of ``src/sealgrid`` outside the generated client. A one-caller helper is a
private function or method that its module names exactly once.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "sealgrid"
GENERATED = PACKAGE / "sdk" / "sync"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """Return the number of lines."""
        return self.text.count("\n")


def main() -> None:
    """Print the measures."""
    modules = [_read(path) for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]
    written = [module for module in modules if GENERATED not in module.path.parents]
    functions = [node for module in written for node in ast.walk(module.tree) if isinstance(node, Function)]
    lengths = sorted(_length(node) for node in functions)
    classes = Counter(node.name for module in written for node in module.tree.body if isinstance(node, ast.ClassDef))
    sizes = [module.lines for module in written]
    helpers = [name for module in written for name in one_caller_helpers(module)]
    lacking = [module for module in written if not _has_mirrored_test(module.path)]
    print(f"files: {len(written)}")
    print(f"lines: {sum(sizes)}")
    print(f"median file: {median(sizes):.0f} lines")
    print(f"largest file: {max(sizes)} lines")
    print(f"files of 60 lines or less: {sum(size <= 60 for size in sizes)}")
    print(f"functions: {len(functions)}")
    print(f"function median: {median(lengths):.0f} lines")
    print(f"function p90: {lengths[len(lengths) * 9 // 10]} lines")
    print(f"one-caller helpers: {100 * len(helpers) / len(functions):.1f} %")
    print(f"duplicate class names: {sum(count > 1 for count in classes.values())}")
    print(f"formatter overruled: {sum(len(re.findall('# fmt:', module.text)) for module in written)}")
    print(f"modules without a mirrored unit test: {len(lacking)}")


def one_caller_helpers(module: Module) -> list[str]:
    """Return the private functions and methods that their module names exactly once."""
    uses = Counter(_names_used(module.tree))
    return [
        node.name
        for node in ast.walk(module.tree)
        if isinstance(node, Function) and re.match(r"_[^_]", node.name) and uses[node.name] == 1
    ]


def _read(path: Path) -> Module:
    text = path.read_text()
    return Module(path, text, ast.parse(text))


def _names_used(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _length(node: Function) -> int:
    """Return the lines of a function without its docstring."""
    docstring = node.body[0] if ast.get_docstring(node) else None
    taken = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - taken


def _has_mirrored_test(path: Path) -> bool:
    room = path.relative_to(PACKAGE).parent
    return (ROOT / "tests" / "unit" / room / f"test_{path.stem}.py").exists()


if __name__ == "__main__":
    main()
