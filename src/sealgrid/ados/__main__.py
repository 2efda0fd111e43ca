"""``python -m sealgrid.ados generate | train | evaluate``; the last two run in an environment of their own."""

import argparse
import sys
from pathlib import Path

from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused


def run_generate(options: argparse.Namespace) -> None:
    """Write drawn readings, and the faults in them beside."""
    from sealgrid.ados.generate import generate  # noqa: PLC0415

    generated = generate(options.seed, options.days, options.stations, faults=options.faults)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(generated.readings)
    if options.faults:
        options.out.with_suffix(".labels.csv").write_bytes(generated.labels)


def run_train(options: argparse.Namespace) -> None:
    """Train a model on a file of clean readings."""
    from sealgrid.ados.model.train import train  # noqa: PLC0415  PyTorch takes seconds to load
    from sealgrid.ados.readings_file import read_for_training  # noqa: PLC0415

    readings = read_for_training(options.readings.read_bytes(), options.interval)
    print(
        f"{len(readings.sensors)} sensors, {readings.rows} rows, one each {readings.interval} s",
        file=sys.stderr,
        flush=True,
    )
    trained = train(readings, options.seed, options.epochs, _print_epoch)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "model.onnx").write_bytes(trained.file)
    (options.out / "card.md").write_text(trained.card, encoding="utf-8")
    print(f"wrote {options.out / 'model.onnx'} and {options.out / 'card.md'}")


def run_evaluate(options: argparse.Namespace) -> None:
    """Evaluate the DQF beside other methods on drawn stations."""
    from sealgrid.ados.evaluation.evaluate import evaluate  # noqa: PLC0415

    evaluate(tuple(options.seeds), options.out, lambda step: print(step, file=sys.stderr, flush=True))


def _print_epoch(epoch: int, error: float) -> None:
    print(f"epoch {epoch}: mean squared error {error:.4f}", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sealgrid.ados", description=__doc__)
    commands = parser.add_subparsers(required=True)
    generate = commands.add_parser("generate", help="write drawn readings")
    generate.add_argument("--out", type=Path, required=True)
    generate.add_argument("--seed", type=int, default=1)
    generate.add_argument("--days", type=int, default=56)
    generate.add_argument("--stations", type=int, default=20)
    generate.add_argument("--faults", action="store_true")
    generate.set_defaults(run=run_generate)
    train = commands.add_parser("train", help="train a model on clean readings")
    train.add_argument("readings", type=Path)
    train.add_argument("--out", type=Path, required=True)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--epochs", type=int, default=12)
    train.add_argument("--interval", type=int)
    train.set_defaults(run=run_train)
    evaluate = commands.add_parser("evaluate", help="evaluate on drawn stations")
    evaluate.add_argument("--seeds", type=int, nargs="+", required=True)
    evaluate.add_argument("--out", type=Path, required=True)
    evaluate.set_defaults(run=run_evaluate)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ReadingsRefused, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
