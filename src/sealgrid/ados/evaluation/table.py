"""The evaluation as one table of text: mean and spread over seeds."""

from collections.abc import Sequence

import numpy as np

from sealgrid.ados.evaluation.measures import Measures

OVERALL = "overall"
GOAL = 0.90  #: F1 of the DQF on each class from the severity 4 on

Results = dict[tuple[str, str, int], list[Measures]]  #: method, test set, severity -> one a seed


def to_text(results: Results, seeds: Sequence[int]) -> str:
    """Return F1 and AUC of all methods by test set, then all measures of the DQF; mean ± standard deviation."""
    methods = list(dict.fromkeys(method for method, _, _ in results))
    sets = list(dict.fromkeys((name, severity) for _, name, severity in results))
    names = [f"{name} {severity}" if severity else name for name, severity in sets]
    width = max(map(len, methods)) + 2
    lines = [
        f"seeds {', '.join(map(str, seeds))}; every reading counts for itself; thresholds from validation data only",
        "",
    ]
    for title, field in (("F1", "f1"), ("AUC", "auc")):
        lines.append(title.ljust(width) + "".join(name.rjust(13) for name in names))
        for method in methods:
            cells = [_mean_and_spread(results[method, *each], field) for each in sets]
            lines.append(method.ljust(width) + "".join(cell.rjust(13) for cell in cells))
        lines.append("")
    lines.append("DQF".ljust(width) + "precision".rjust(13) + "recall".rjust(13) + "F1".rjust(13) + "AUC".rjust(13))
    for each, name in zip(sets, names, strict=True):
        measured = results["DQF", *each]
        cells = [_mean_and_spread(measured, field) for field in ("precision", "recall", "f1", "auc")]
        lines.append(name.ljust(width) + "".join(cell.rjust(13) for cell in cells) + _verdict(results, methods, *each))
    return "\n".join(lines) + "\n"


def mean(measured: Sequence[Measures], field: str = "f1") -> float:
    """Return the mean of one measure over seeds."""
    return float(np.mean([getattr(each, field) for each in measured]))


def _verdict(results: Results, methods: Sequence[str], name: str, severity: int) -> str:
    own = mean(results["DQF", name, severity])
    best = max(
        (method for method in methods if method != "DQF"), key=lambda other: mean(results[other, name, severity])
    )
    other = mean(results[best, name, severity])
    notes = [] if own >= other else [f"below {best} ({other:.3f})"]
    if severity >= 4 and own < GOAL:
        notes.append(f"below the goal of {GOAL:.2f}")
    return "  " + "; ".join(notes) if notes else ""


def _mean_and_spread(measured: Sequence[Measures], field: str) -> str:
    values = [getattr(each, field) for each in measured]
    return f"{np.mean(values):.3f}±{np.std(values):.3f}"
