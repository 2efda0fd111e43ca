"""``sealgrid demo …``: whole jobs, from selling to verifying, to look at."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sealgrid.cli.network import Folder, layout_of
from sealgrid.errors import InputRefused, SetupMissing
from sealgrid.localnet.layout import Layout, cache_folder
from sealgrid.localnet.network_context import network

if TYPE_CHECKING:
    from sealgrid.demos.common.steps import DemoSteps
    from sealgrid.demos.plates.report import PlatesReport
    from sealgrid.demos.plates.story import PlateImage
    from sealgrid.demos.table.report import TableReport

app = typer.Typer(help="Whole jobs, to look at.", no_args_is_help=True)
MAX_INPUT_BYTES = 32 << 20

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Seed = Annotated[int | None, typer.Option(help="Draw this one; a new one each time by default.")]


@app.callback()
def _group() -> None:
    """Whole jobs, to look at."""


@app.command()
def plates(
    picture: Annotated[Path | None, typer.Option(help="Read this picture instead of a drawn one.")] = None,
    seed: Seed = None,
    as_json: AsJson = False,
    data: Folder = None,
) -> None:
    """A licence-plate model is sold and used by a stranger, who never sees it; four thefts are tried."""
    console = _console(as_json)
    report = tell_plates(console, layout_of(data), picture, seed)
    _end(report, as_json)


@app.command("data")
def tables(
    file: Annotated[Path | None, typer.Option(help="Sell this CSV table instead of a drawn one.")] = None,
    seed: Seed = None,
    as_json: AsJson = False,
    data: Folder = None,
) -> None:
    """A company sells the use of a table; a stranger's app runs over it; the company is paid and sees every use."""
    console = _console(as_json)
    report = tell_tables(console, layout_of(data), file, seed)
    _end(report, as_json)


def tell_plates(console: Console, layout: Layout, picture: Path | None, seed: int | None) -> "PlatesReport":
    """Run the main job on the network of this folder, or one started for it; print as it goes."""
    model = _cached("models/plate_reader.zip").read_bytes()
    with _telling(console, layout) as telling:
        from sealgrid.demos.plates.story import PlatesStory

        report = asyncio.run(PlatesStory(telling, model).tell(_shot(picture, seed)))
    from sealgrid.demos.plates.printing import show

    show(report, console)
    return report


def tell_tables(console: Console, layout: Layout, file: Path | None, seed: int | None) -> "TableReport":
    """Sell the use of a table on the network of this folder, or one started for it; print as it goes."""
    name, table = _table(file, seed)
    with _telling(console, layout) as telling:
        from sealgrid.demos.table.story import TableStory

        report = asyncio.run(TableStory(telling, table).tell(name))
    from sealgrid.demos.table.printing import show

    show(report, console)
    return report


@contextmanager
def _telling(console: Console, layout: Layout) -> "Iterator[DemoSteps]":
    begun = time.monotonic()
    console.print("[bold]starting a local network[/] …")
    with network(layout, told=lambda part: console.print(f"  {part}", style="dim")) as running:
        console.print(f"  ready after {time.monotonic() - begun:.1f} s")
        from sealgrid.demos.common.printing import teller
        from sealgrid.demos.common.steps import DemoSteps

        yield DemoSteps(running, layout.root / "demo" / time.strftime("%Y%m%d-%H%M%S"), teller(console))


def _console(as_json: bool) -> Console:
    return Console(stderr=as_json, highlight=False, soft_wrap=True)


def _end(report: "PlatesReport | TableReport", as_json: bool) -> None:
    if as_json:
        print(report.as_line())
    raise typer.Exit(0 if report.ok else 1)


def _shot(picture: Path | None, seed: int | None) -> "PlateImage":
    from sealgrid.demos.plates.story import PlateImage
    from sealgrid.shipped_apps.plate_reader.scenes import draw_scene

    if picture is not None:
        return PlateImage(_read(picture, "--picture"), None)
    font = _cached("fonts/NotoSansSC[wght].ttf")
    scene = draw_scene(_seed(seed), font)
    return PlateImage(scene.png, scene.expected)


def _table(file: Path | None, seed: int | None) -> tuple[str, bytes]:
    from sealgrid.shipped_apps.csv_statistics.rides import draw_rides

    if file is None:
        return "bicycle rides", draw_rides(_seed(seed))
    from sealgrid.sdk.operations.file_checks import check_csv

    check_csv(file)
    return file.stem, _read(file, "--file")


def _seed(seed: int | None) -> int:
    return secrets.randbelow(1 << 31) if seed is None else seed


def _read(file: Path, option: str) -> bytes:
    try:
        if file.stat().st_size > MAX_INPUT_BYTES:
            raise InputRefused(f"{file} is larger than {MAX_INPUT_BYTES >> 20} MiB; give a smaller one.")
        return file.read_bytes()
    except OSError as error:
        raise InputRefused(f"{file} cannot be read ({error.strerror}); give another file with {option}.") from error


def _cached(name: str) -> Path:
    path = cache_folder() / name
    if not path.exists():
        raise SetupMissing(f"{name} is missing; run `make setup`.")
    return path
