"""Runs a demo on a local network: the one of a data folder, or one started for it. Prints each step."""

import asyncio
import secrets
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from sealgrid.ados.generate import generate
from sealgrid.demos.ados.demo import AdosDemo
from sealgrid.demos.ados.report import AdosReport, print_ados_report
from sealgrid.demos.common.report_parts import step_printer
from sealgrid.demos.common.steps import DemoSteps
from sealgrid.demos.plates.demo import PlateImage, PlatesDemo
from sealgrid.demos.plates.model_choice import choose_model
from sealgrid.demos.plates.report import PlatesReport, print_plates_report
from sealgrid.demos.table.demo import TableDemo
from sealgrid.demos.table.report import TableReport, print_table_report
from sealgrid.errors import InputRefused, SetupMissing
from sealgrid.localnet.layout import Layout, cache_folder
from sealgrid.localnet.network_context import network
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.operations.file_checks import check_csv
from sealgrid.sdk.operations.picture_checks import check_picture
from sealgrid.sdk.simulated_warning import SimulatedPlatformWarning
from sealgrid.shipped_apps.csv_statistics.rides import draw_rides
from sealgrid.shipped_apps.plate_reader.cached_files import LATIN_MODEL
from sealgrid.shipped_apps.plate_reader.latin_scenes import draw_scene_of

MAX_INPUT_BYTES = 32 << 20
STATIONS_SEED = 1  #: of the stations that the shipped model of ados knows


def run_plates_demo(
    console: Console, layout: Layout, picture: Path | None, seed: int | None, country: str = "CN"
) -> PlatesReport:
    """Run the plate reader on a picture, or on one of a country drawn from ``seed``; print the report and return it."""
    models = {
        "Chinese plates": _cached("models/plate_reader.zip").read_bytes(),
        "European plates": LATIN_MODEL.read_bytes(),
    }
    if picture is not None:
        image = PlateImage(_read(picture, "--picture"), None)
        check_picture(picture.name, image.picture)
    else:
        scene = draw_scene_of(_seed(seed), country, _cached("fonts/NotoSansSC[wght].ttf"))
        image = PlateImage(scene.png, scene.expected)
    name = choose_model(models, image.picture)
    console.print(f"  the picture suits the model of {name}")
    with _steps(console, layout) as steps:
        report = asyncio.run(PlatesDemo(steps, models[name]).run(image))
    print_plates_report(report, console)
    return report


def run_table_demo(console: Console, layout: Layout, file: Path | None, seed: int | None) -> TableReport:
    """Sell the use of a CSV table, or of one drawn from ``seed``; print the report and return it."""
    if file is None:
        name, table = "bicycle rides", draw_rides(_seed(seed))
    else:
        for note in check_csv(file):
            console.print(f"  {note}", style="dim", markup=False)
        name, table = file.stem, _read(file, "--file")
    with _steps(console, layout) as steps:
        report = asyncio.run(TableDemo(steps, table).run(name))
    print_table_report(report, console)
    return report


def run_ados_demo(console: Console, layout: Layout) -> AdosReport:
    """Score a drawn day of twenty stations in shards on three workers; print the report and return it."""
    folder = shipped_apps.app_folder(shipped_apps.ADOS)
    if folder is None:
        raise SetupMissing("the app 'ados' is missing; install sealgrid again.")
    day = generate(STATIONS_SEED, days=1, faults=True)
    with _steps(console, layout) as steps, warnings.catch_warnings():
        warnings.simplefilter("ignore", SimulatedPlatformWarning)  # the report ends with it
        report = asyncio.run(AdosDemo(steps, (folder / "stations.onnx").read_bytes()).run(day))
    print_ados_report(report, console)
    return report


@contextmanager
def _steps(console: Console, layout: Layout) -> Iterator[DemoSteps]:
    begun = time.monotonic()
    console.print("[bold]starting a local network[/] …")
    with network(layout, on_progress=lambda part: console.print(f"  {part}", style="dim")) as running:
        console.print(f"  ready after {time.monotonic() - begun:.1f} s")
        if not running.has_development_accounts:
            raise InputRefused("a shared network has no accounts for the demo; name another folder with --home.")
        yield DemoSteps(running, layout.root / "demo" / time.strftime("%Y%m%d-%H%M%S"), step_printer(console))


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
        raise SetupMissing(f"{name} is missing; run `make setup` in a checkout, else `sealgrid setup`.")
    return path
