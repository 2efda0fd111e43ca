"""``python -m bench [--quick] [NAMES…]``: prints the machine, a table, and the path of the raw samples."""

import argparse
import asyncio
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import table
from bench.context import Context
from bench.figure import Figure, NotMeasured
from bench.machine import this_machine
from bench.networks import Networks
from bench.registry import FIGURES, Measure
from sealgrid.errors import SealgridError
from sealgrid.sdk.simulated_warning import SimulatedPlatformWarning

RAW = Path(__file__).resolve().parents[1] / "build" / "bench"
FIGURE_SECONDS = 300.0  #: a bound against a figure that hangs; the pages take longest


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if a figure has no samples, else 0. A missed target is no failure."""
    options = _parse(arguments)
    chosen = {name: measure for name, measure in FIGURES.items() if not options.names or name in options.names}
    machine, started = this_machine(), time.strftime("%Y%m%d-%H%M%S")
    print(f"machine: {machine}", flush=True)
    warnings.simplefilter("ignore", SimulatedPlatformWarning)
    figures = asyncio.run(_measure_all(chosen, quick=options.quick))
    print("\n".join(table.lines(figures)))
    path = RAW / f"{started}.json"
    table.write(table.Raw(machine, started, options.quick, tuple(figures)), path)
    print(f"raw samples: {path}")
    return exit_code(figures)


def exit_code(figures: Sequence[Figure]) -> int:
    """Return 0 if there are figures and all have samples."""
    return 0 if figures and all(figure.measured for figure in figures) else 1


async def run_measure(name: str, measure: Measure, context: Context) -> Figure:
    """Measure one figure; one that fails has no samples."""
    print(f"measuring {name} …", file=sys.stderr, flush=True)
    begun = time.monotonic()
    try:
        async with asyncio.timeout(FIGURE_SECONDS):
            return await measure(context)
    except (NotMeasured, SealgridError) as error:
        return Figure(name, note=f"NOT MEASURED: {error}")
    except Exception as error:  # noqa: BLE001  a failed figure must not stop the others
        return Figure(name, note=f"NOT MEASURED: {type(error).__name__}: {error}")
    finally:
        print(f"  {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


async def _measure_all(chosen: Mapping[str, Measure], *, quick: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="sealgrid-bench-") as folder:
        networks = Networks(Path(folder))
        try:
            context = Context(quick, Path(folder), networks)
            return [await run_measure(name, measure, context) for name, measure in chosen.items()]
        finally:
            await networks.stop()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Sealgrid.")
    parser.add_argument("--quick", action="store_true", help="fewer samples: about a minute instead of four")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}; all by default")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(FIGURES)):
        parser.error(f"there is no figure {unknown[0]!r}; take of: {', '.join(FIGURES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
