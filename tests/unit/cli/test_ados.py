"""``sealgrid ados``: draws readings here, and starts the environment of PyTorch for the rest."""

import csv
import importlib.util

import pytest

from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from tests.unit.cli.cli_runner import run_cli


@pytest.fixture
def ados(tmp_path):
    def run(*words):
        return run_cli("ados", *words, home=tmp_path / "home", folder=tmp_path)

    return run


def test_drawn_readings_can_be_read_and_their_faults_lie_beside(ados, tmp_path):
    ended = ados("generate", "--out", "day.csv", "--days", "1", "--stations", "4", "--faults")
    assert (ended.code, ended.out.strip()) == (0, "wrote day.csv and day.labels.csv")
    assert sorted(read_file((tmp_path / "day.csv").read_bytes()).sensors) == [f"station-00{n}" for n in range(1, 5)]
    labels = list(csv.DictReader((tmp_path / "day.labels.csv").read_text().splitlines()))
    assert 20 < len(labels) < 120


def test_a_place_that_cannot_be_written_is_named(ados):
    ended = ados("generate", "--out", "absent/day.csv", "--days", "1")
    assert ended.code != 0
    assert "absent/day.csv cannot be written" in ended.err


def test_without_pytorch_the_command_says_how_to_get_it(ados, monkeypatch, tmp_path):
    monkeypatch.setenv("SEALGRID_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ended = ados("train", "day.csv", "--out", "trained")
    assert ended.code != 0
    assert "PyTorch is not installed; run `make setup-ados`" in ended.err
