"""``sealgrid demo …``: whole jobs, from selling to verifying, to look at."""

import asyncio
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sealgrid.cli.network import Folder, layout_of
from sealgrid.errors import InputRefused, SetupMissing
from sealgrid.localnet.layout import Layout, cache_folder
from sealgrid.localnet.session import network

if TYPE_CHECKING:
    from sealgrid.cli.plates.report import Report
    from sealgrid.cli.plates.story import Shot

app = typer.Typer(help="Whole jobs, to look at.", no_args_is_help=True)
MAX_PICTURE_BYTES = 32 << 20


@app.callback()
def _group() -> None:
    """Whole jobs, to look at."""


@app.command()
def plates(
    picture: Annotated[Path | None, typer.Option(help="Read this picture instead of a drawn one.")] = None,
    seed: Annotated[int | None, typer.Option(help="Draw this scene; a new one each time by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
    data: Folder = None,
) -> None:
    """A licence-plate model is sold and used by a stranger, who never sees it; four thefts are tried."""
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    report = tell_plates(console, layout_of(data), picture, seed)
    if as_json:
        print(report.as_line())
    raise typer.Exit(0 if report.ok else 1)


def tell_plates(console: Console, layout: Layout, picture: Path | None, seed: int | None) -> "Report":
    """Run the main job on the network of this folder, or one started for it; print as it goes."""
    begun = time.monotonic()
    model = _cached("models/plate_reader.zip").read_bytes()
    console.print("[bold]starting a local network[/] …")
    with network(layout, told=lambda part: console.print(f"  {part}", style="dim")) as running:
        console.print(f"  ready after {time.monotonic() - begun:.1f} s")
        from sealgrid.cli.plates import printing
        from sealgrid.cli.plates.story import Story

        folder = layout.root / "demo" / time.strftime("%Y%m%d-%H%M%S")
        story = Story(running, model, folder, printing.teller(console))
        report = asyncio.run(story.tell(_shot(picture, seed)))
    printing.show(report, console)
    return report


def _shot(picture: Path | None, seed: int | None) -> "Shot":
    from apps.plate_reader.scenes import draw_scene
    from sealgrid.cli.plates.story import Shot

    if picture is not None:
        return Shot(_read(picture), None)
    font = _cached("fonts/NotoSansSC[wght].ttf")
    scene = draw_scene(secrets.randbelow(1 << 31) if seed is None else seed, font)
    return Shot(scene.png, scene.expected)


def _read(picture: Path) -> bytes:
    try:
        if picture.stat().st_size > MAX_PICTURE_BYTES:
            raise InputRefused(f"{picture} is larger than {MAX_PICTURE_BYTES >> 20} MiB; give a smaller picture.")
        return picture.read_bytes()
    except OSError as error:
        raise InputRefused(f"{picture} cannot be read ({error.strerror}); give another file with --picture.") from error


def _cached(name: str) -> Path:
    path = cache_folder() / name
    if not path.exists():
        raise SetupMissing(f"{name} is missing; run `make setup`.")
    return path
