"""Make the pictures of the README: ``python docs/pictures/make.py``.

demo.svg and data.svg are real runs of the two demos in a terminal, annotated.png what the first one's enclave drew,
architecture.svg the rooms of ``src/sealgrid`` in the layers that import-linter keeps, with the imports that the code
really has between them, and page.png what a newcomer's browser shows at the end of a run.
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
INK, PAPER, LINE, SOFT = "#1b2a3a", "#f7f5f0", "#b9c4cf", "#e4ecf3"


def main() -> None:
    """Make all five."""
    page()
    (HERE / "architecture.svg").write_text(architecture())
    with terminal("demo.svg", "make demo") as (console, layout):
        shutil.copy(run_plates_demo(console, layout, None, SEED).annotated, HERE / "annotated.png")
    with terminal("data.svg", "sealgrid demo data") as (console, layout):
        run_table_demo(console, layout, None, SEED)


@contextmanager
def terminal(name: str, title: str) -> Iterator[tuple[Console, Layout]]:
    """Draw what is printed on a console while a network of this folder is there."""
    console = Console(record=True, width=160, highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        yield console, Layout(Path(folder))
    (HERE / name).write_text(console.export_svg(title=title).replace(folder, "~/sealgrid"))


def page() -> None:
    """Let the browser's test run the plate reader, and keep what it saw, in few colours."""
    with tempfile.TemporaryDirectory() as folder:
        test = (sys.executable, "-m", "pytest", "-q", "tests/browser/test_newcomer.py")
        subprocess.run(test, cwd=ROOT, check=True, env={**os.environ, "SEALGRID_SCREENSHOTS": folder})  # noqa: S603
        Image.open(Path(folder) / "task-ended.png").convert("RGB").quantize(128).save(HERE / "page.png", optimize=True)


def architecture() -> str:
    """Return the layers as an SVG, the top one first."""
    layers = [[room.strip() for room in layer.split("|")] for layer in _layers()]
    height = ROW * len(layers) + 30
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">']
    parts.append(
        f'<title>Rooms of src/sealgrid: arrows go down only</title><rect width="100%" height="100%" fill="{PAPER}"/>'
    )
    for number, rooms in enumerate(layers):
        parts += _row(number, rooms, last=number == len(layers) - 1)
    return "\n".join([*parts, "</svg>\n"])


def _layers() -> list[str]:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return list(linter["contracts"][0]["layers"])


def _row(number: int, rooms: list[str], *, last: bool) -> list[str]:
    top, gap = 18 + number * ROW, 14
    wide = (WIDTH - 40 - gap * (len(rooms) - 1)) / len(rooms)
    parts = []
    for column, room in enumerate(rooms):
        left = 20 + column * (wide + gap)
        parts.append(
            f'<rect x="{left:.0f}" y="{top}" width="{wide:.0f}" height="{BOX}" rx="7" fill="{SOFT}" stroke="{LINE}"/>'
        )
        parts.append(
            f'<text x="{left + wide / 2:.0f}" y="{top + 17}" text-anchor="middle" font-size="15" font-weight="600" fill="{INK}">{room}</text>'
        )
        parts.append(
            f'<text x="{left + wide / 2:.0f}" y="{top + 33}" text-anchor="middle" font-size="10.5" fill="{INK}">{_files(room)}</text>'
        )
    if not last:
        parts.append(f'<text x="{WIDTH / 2}" y="{top + 62}" text-anchor="middle" font-size="16" fill="{LINE}">▼</text>')
    return parts


def _files(room: str) -> str:
    folder = ROOT / "src" / "sealgrid" / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    lines = sum(len(re.findall(r"\n", path.read_text())) for path in files)
    return escape(f"{len(files)} {'file' if len(files) == 1 else 'files'} · {lines} lines")


if __name__ == "__main__":
    main()
