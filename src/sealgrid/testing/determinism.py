"""Check that an app gives equal results under different conditions: clock, hash seed, temporary folder, processors."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sealgrid.bundle.interpreter import running_python
from sealgrid.enclave.job.iexec_env import COMPUTED, read_computed
from sealgrid.sdk.input_files import InputFiles
from sealgrid.sdk.operations.build import build_app
from sealgrid.sdk.sync.background import BACKGROUND
from sealgrid.testing.app_trial import AppTrial, RunConditions, TrialInput, run_trial
from sealgrid.testing.sandbox_check import check_sandbox

_CLOCK_SHIFT: Final = 400 * 86_400 + 5 * 3600 + 7 * 60 + 11  #: another year, hour, minute and second

#: field of ``RunConditions`` -> what an app uses that depends on it
CAUSES: Final[Mapping[str, str]] = {
    "clock_shift": "the clock",
    "hash_seed": "the order of a set or the hash of a text",
    "temporary_folder": "the path of the temporary folder",
    "processors": "the number of processors",
}
CHANCE: Final = "random numbers, the exact time or the order of threads"


@dataclass(frozen=True, slots=True)
class DeterminismReport:
    """How equal the results of several runs on equal input are."""

    trials: tuple[AppTrial, ...]  #: the first under the machine's own conditions
    differing: tuple[str, ...]  #: files that are not equal in all runs, of those that determine the result
    uncovered: tuple[str, ...]  #: further files that are not equal; no digest covers them
    causes: tuple[str, ...]  #: what changes the result, each alone; empty for equal results

    @property
    def ok(self) -> bool:
        """Return whether every run succeeded with the same digest."""
        return not any(trial.failure for trial in self.trials) and len({trial.digest for trial in self.trials}) == 1


def check_determinism(
    folder: str | Path,
    *,
    files: InputFiles = (),
    model: str | Path | None = None,
    args: Sequence[str] = (),
    secrets: Mapping[int, str] | None = None,
    runs: int = 2,
    on_run: Callable[[str], None] = lambda _: None,
) -> DeterminismReport:
    """Run an app ``runs`` times in the sandbox, each time under other conditions, and compare the results.

    If they differ, further runs with one condition changed each find the cause. ``on_run`` gets a text before each run.
    Inputs and errors as in ``try_app``.
    """
    given = TrialInput(files=files, model=None if model is None else Path(model), args=args, secrets=secrets or {})
    check_sandbox()
    app = build_app(Path(folder), running_python())

    def run(text: str, conditions: RunConditions) -> AppTrial:
        on_run(text)
        return BACKGROUND.run(run_trial(app, given, conditions))

    first, *others = (_conditions(number) for number in range(runs))
    BACKGROUND.enter()
    try:
        expected = run(f"run 1 of {runs}", first)
        if expected.failure:
            return DeterminismReport((expected,), (), (), ())
        trials = [run(f"run {number} of {runs}", each) for number, each in enumerate(others, start=2)]
        odd = [each for trial, each in zip(trials, others, strict=True) if trial.digest != expected.digest]
        causes = tuple(_causes(expected, first, odd[0], run)) if odd else ()
    finally:
        BACKGROUND.leave()
    return _report((expected, *trials), causes)


def _conditions(number: int) -> RunConditions:
    """Return the conditions of a run; number 0 has those of this machine."""
    available = len(os.sched_getaffinity(0))
    if number == 0:
        return RunConditions(processors=available)
    return RunConditions(
        clock_shift=number * _CLOCK_SHIFT,
        hash_seed=number + 1,
        temporary_folder=f"/tmp/run-{number}",  # noqa: S108  of the sandbox
        processors=available if number % 2 == 0 else 1 if available > 1 else 2,
    )


def _causes(
    expected: AppTrial, first: RunConditions, other: RunConditions, run: Callable[[str, RunConditions], AppTrial]
) -> Iterator[str]:
    if run("once more under equal conditions", first).digest != expected.digest:
        yield CHANCE
        return
    found = False
    for field, cause in CAUSES.items():
        changed = replace(first, **{field: getattr(other, field)})
        if run(f"with another value of {field.replace('_', ' ')}", changed).digest != expected.digest:
            found = True
            yield cause
    if not found:
        yield "several of these together: " + ", ".join(CAUSES.values())


def _report(trials: tuple[AppTrial, ...], causes: tuple[str, ...]) -> DeterminismReport:
    results = [trial.files for trial in trials if not trial.failure]
    names = sorted({name for files in results for name in files})
    differing = [name for name in names if len({files.get(name) for files in results}) > 1]
    covered = {name for files in results for name in _covered(files)}
    return DeterminismReport(
        trials,
        tuple(name for name in differing if name in covered),
        tuple(name for name in differing if name not in covered),
        causes,
    )


def _covered(files: Mapping[str, bytes]) -> set[str]:
    """Return the files of a result that its digest covers."""
    computed = read_computed(files)
    if computed.callback is not None:
        return {COMPUTED}
    below = {name for name in files if name.startswith(f"{computed.path}/")}
    return {computed.path} if computed.path in files else below
