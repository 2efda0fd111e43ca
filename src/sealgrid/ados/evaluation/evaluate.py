"""Evaluates the DQF and other methods on drawn stations: for each seed a model, and test sets of their own."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from sealgrid.ados.evaluation.measures import Measures, measure
from sealgrid.ados.evaluation.methods import Method, other_methods
from sealgrid.ados.evaluation.picture import draw_picture
from sealgrid.ados.evaluation.table import OVERALL, Results, to_text
from sealgrid.ados.faults import LabelledReadings, inject, inject_mixed
from sealgrid.ados.model.train import train_apart
from sealgrid.ados.scenario import FAULTS, SEVERITIES, TEST_ROWS, TRAINING_ROWS, VALIDATION_ROWS, WITH_SEVERITY
from sealgrid.ados.stations import StationNetwork, draw_network, draw_readings
from sealgrid.shipped_apps.ados.quality.model import AdosModel
from sealgrid.shipped_apps.ados.quality.readings import Readings
from sealgrid.shipped_apps.ados.quality.score import ALARM, score

TRAINING_PART, VALIDATION_PART, FIRST_TEST_PART = 0, 1, 3
UNGRADED = 4  #: the severity under which classes without one are listed


def evaluate(seeds: Sequence[int], out: Path, report: Callable[[str], None]) -> None:
    """Write ``evaluation.txt``, ``.json`` and ``.png`` into a folder, and print the table."""
    results: Results = {}
    for seed in seeds:
        report(f"seed {seed}: drawing stations, training")
        for key, measured in evaluate_seed(seed, report).items():
            results.setdefault(key, []).append(measured)
    out.mkdir(parents=True, exist_ok=True)
    text = to_text(results, seeds)
    (out / "evaluation.txt").write_text(text, encoding="utf-8")
    rows = [
        {"method": method, "set": name, "severity": severity, "seeds": [asdict(each) for each in measured]}
        for (method, name, severity), measured in results.items()
    ]
    (out / "evaluation.json").write_text(json.dumps({"seeds": list(seeds), "results": rows}, indent=1) + "\n")
    (out / "evaluation.png").write_bytes(draw_picture(results))
    print(text)


def evaluate_seed(seed: int, report: Callable[[str], None]) -> dict[tuple[str, str, int], Measures]:
    """Return the measures of each method on each test set of one seed."""
    network = draw_network(seed)
    training = draw_readings(network, seed, TRAINING_PART, TRAINING_ROWS)
    validation = draw_readings(network, seed, VALIDATION_PART, VALIDATION_ROWS)
    model = train_apart(training, validation, seed).model
    report(f"seed {seed}: fitting the other methods")
    methods = [_dqf(model), *other_methods(model, training, validation, seed)]
    measured = {}
    for (name, severity), labelled in draw_test_sets(network, seed).items():
        report(f"seed {seed}: {name} {severity or ''}")
        faulty = labelled.is_faulty()
        for method in methods:
            suspicion = method.suspicion(labelled.readings)
            measured[method.name, name, severity] = measure(faulty, suspicion >= method.threshold, suspicion)
    return measured


def draw_test_sets(network: StationNetwork, seed: int) -> dict[tuple[str, int], LabelledReadings]:
    """Return a set for each class and severity, and the mixed one; each has clean readings of its own."""
    wanted = [
        (fault, severity) for fault in FAULTS for severity in (SEVERITIES if fault in WITH_SEVERITY else (UNGRADED,))
    ]
    sets = {}
    for part, (fault, severity) in enumerate(wanted, start=FIRST_TEST_PART):
        clean, chance = _clean(network, seed, part)
        sets[fault, severity] = inject(clean, network.sigmas, chance, fault, severity)
    clean, chance = _clean(network, seed, FIRST_TEST_PART + len(wanted))
    sets[OVERALL, 0] = inject_mixed(clean, network.sigmas, chance)
    return sets


def _clean(network: StationNetwork, seed: int, part: int) -> tuple[Readings, np.random.Generator]:
    return draw_readings(network, seed, part, TEST_ROWS), np.random.default_rng([seed, 2, part])


def _dqf(model: AdosModel) -> Method:
    return Method("DQF", lambda readings: (100 - score(model, readings).dqf).astype(np.float64), 100.0 - ALARM)
