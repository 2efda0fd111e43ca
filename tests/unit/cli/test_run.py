"""``sealgrid run``: what is refused before money moves, and what is public."""

import msgspec
import pytest

from tests.unit.cli.cli_runner import run_cli
from tests.unit.sdk.network_file import network


@pytest.fixture
def sealgrid(tmp_path):
    return lambda *words: run_cli(*words, home=tmp_path / "home")


def test_a_folder_that_is_not_empty_is_refused_before_anything_is_bought(sealgrid, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").write_text("mine")
    ended = sealgrid("run", "onnx-runner", "--out", tmp_path / "out")
    assert "not an empty folder" in ended.err
    assert "No money moved" in ended.err


@pytest.mark.parametrize(
    ("words", "warnings"),
    [
        ((), 0),
        (("--public-arg", "fast"), 1),
        (("--callback", "0x" + "55" * 20), 2),
        (("--no-tee",), 1),
    ],
)
def test_public_data_are_warned_about_before_the_purchase(sealgrid, tmp_path, words, warnings):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "network.json").write_bytes(msgspec.json.encode(network(folder="/nowhere")))
    ended = sealgrid("run", "onnx-runner", *words)
    assert ended.err.count("warning: ") == warnings
    assert ended.err.endswith("No money moved.\n")


def test_a_secret_that_cannot_be_read_moves_no_money(sealgrid):
    ended = sealgrid("run", "onnx-runner", "--secret", "1=/nowhere")
    assert "the secret /nowhere cannot be read" in ended.err
    assert "No money moved" in ended.err


def test_a_run_without_a_tee_says_what_it_does_not_protect(sealgrid, tmp_path):
    ended = sealgrid("run", "onnx-runner", "--trust", "5")
    assert "add --no-tee" in ended.err
    ended = " ".join(sealgrid("run", "onnx-runner", "--no-tee").err.split())
    assert "input and the result of this run are PUBLIC, and nothing proves the result" in ended


def test_a_trust_at_which_nobody_compares_results_is_refused(sealgrid):
    ended = sealgrid("run", "onnx-runner", "--no-tee", "--trust", "1")
    assert (ended.code, "greater than or equal to 2" in ended.err) == (2, True)
    ended = sealgrid("pool", "offer", "--price", "0.2", "--tasks", "1", "--trust", "1")
    assert (ended.code, "greater than or equal to 2" in ended.err) == (2, True)
