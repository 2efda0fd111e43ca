"""Run a network under chaos, and judge it: ``python -m chaos --seed N [--tasks 1000] [--minutes 13]``."""

import argparse
import asyncio
import sys
from pathlib import Path

from chaos.run import Options, run_chaos

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run it, write the report, and return 1 if an invariant is broken."""
    standard = Options(0)
    parser = argparse.ArgumentParser(prog="python -m chaos", description="Run a network while its parts fail.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tasks", type=int, default=standard.tasks)
    parser.add_argument("--tee", type=int, default=standard.tee, help="of these tasks, in enclaves")
    parser.add_argument("--workers", type=int, default=standard.workers)
    parser.add_argument("--faults", type=int, default=standard.faults)
    parser.add_argument("--minutes", type=float, default=standard.seconds / 60, help="for purchases and faults")
    parser.add_argument("--open", type=int, default=standard.open_tasks, help="tasks at one time")
    parser.add_argument("--piece", type=int, default=standard.piece, help="tasks of one purchase")
    given = parser.parse_args()
    options = Options(
        seed=given.seed,
        tasks=given.tasks,
        tee=given.tee,
        workers=given.workers,
        faults=given.faults,
        seconds=60 * given.minutes,
        open_tasks=given.open,
        piece=given.piece,
    )
    results = ROOT / "build" / "chaos"
    results.mkdir(parents=True, exist_ok=True)
    ended = asyncio.run(run_chaos(options, lambda line: print(line, flush=True), results / f"seed-{given.seed}"))
    path = results / f"seed-{given.seed}.md"
    path.write_text(ended.page)
    print(ended.page)
    print(f"report: {path.relative_to(ROOT)}")
    return 0 if ended.holds else 1


if __name__ == "__main__":
    sys.exit(main())
