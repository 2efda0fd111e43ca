"""Generates the README's pictures: ``python docs/pictures/make.py``.

- demo.svg, data.svg: terminal recordings of real runs of the two demos; annotated.png: the first one's result.
- architecture.svg: the packages of ``src/sealgrid`` in the layers of import-linter's contract.
- page.png: screenshot of a task's page at the end of a run.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image
from rich.console import Console

from sealgrid.demos.runner import run_plates_demo, run_table_demo
from sealgrid.localnet.layout import Layout

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEED = 2
WIDTH, ROW, BOX = 1120, 74, 40
TEXT, BACKGROUND, BORDER, FILL = "#1b2a3a", "#f7f5f0", "#b9c4cf", "#e4ecf3"


def main() -> None:
    """Generate all pictures."""
    page()
    (HERE / "architecture.svg").write_text(architecture())
    with terminal("demo.svg", "make demo") as (console, layout):
        shutil.copy(run_plates_demo(console, layout, None, SEED).annotated, HERE / "annotated.png")
    with terminal("data.svg", "sealgrid demo data") as (console, layout):
        run_table_demo(console, layout, None, SEED)


@contextmanager
def terminal(name: str, title: str) -> Iterator[tuple[Console, Layout]]:
    """Record a console as SVG; the yielded layout is of a temporary network."""
    console = Console(record=True, width=160, highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        yield console, Layout(Path(folder))
    (HERE / name).write_text(console.export_svg(title=title).replace(folder, "~/sealgrid"))


def page() -> None:
    """Take the screenshot of the newcomer's browser test, reduced to 128 colours."""
    with tempfile.TemporaryDirectory() as folder:
        test = (sys.executable, "-m", "pytest", "-q", "tests/browser/test_newcomer.py")
        subprocess.run(test, cwd=ROOT, check=True, env={**os.environ, "SEALGRID_SCREENSHOTS": folder})  # noqa: S603
        Image.open(Path(folder) / "task-ended.png").convert("RGB").quantize(128).save(HERE / "page.png", optimize=True)


def architecture() -> str:
    """Draw the layers as an SVG, the top one first."""
    layers = [[package.strip() for package in layer.split("|")] for layer in _layers()]
    height = ROW * len(layers) + 30
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">']
    parts.append(
        f'<title>Packages of src/sealgrid; imports go down only</title><rect width="100%" height="100%" fill="{BACKGROUND}"/>'
    )
    for number, packages in enumerate(layers):
        parts += _row(number, packages, last=number == len(layers) - 1)
    return "\n".join([*parts, "</svg>\n"])


def _layers() -> list[str]:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return list(linter["contracts"][0]["layers"])


def _row(number: int, packages: list[str], *, last: bool) -> list[str]:
    top, gap = 18 + number * ROW, 14
    width = (WIDTH - 40 - gap * (len(packages) - 1)) / len(packages)
    parts = []
    for column, package in enumerate(packages):
        left = 20 + column * (width + gap)
        parts.append(
            f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{BOX}" rx="7" fill="{FILL}" stroke="{BORDER}"/>'
        )
        parts.append(
            f'<text x="{left + width / 2:.0f}" y="{top + 17}" text-anchor="middle" font-size="13" font-weight="600" fill="{TEXT}">{package}</text>'
        )
        parts.append(
            f'<text x="{left + width / 2:.0f}" y="{top + 33}" text-anchor="middle" font-size="10.5" fill="{TEXT}">{_size(package)}</text>'
        )
    if not last:
        parts.append(
            f'<text x="{WIDTH / 2}" y="{top + 62}" text-anchor="middle" font-size="16" fill="{BORDER}">▼</text>'
        )
    return parts


def _size(package: str) -> str:
    folder = ROOT / "src" / "sealgrid" / package
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    lines = sum(len(re.findall(r"\n", path.read_text())) for path in files)
    return escape(f"{len(files)} {'file' if len(files) == 1 else 'files'} · {lines} lines")


if __name__ == "__main__":
    main()
