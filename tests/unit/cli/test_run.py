"""``sealgrid run``: what is refused before money moves, and what is public."""

import pytest

from tests.unit.cli.cli_runner import run_cli


@pytest.fixture
def sealgrid(tmp_path):
    return lambda *words: run_cli(*words, home=tmp_path / "home")


def test_a_folder_that_is_not_empty_is_refused_before_anything_is_bought(sealgrid, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").write_text("mine")
    ended = sealgrid("run", "onnx-runner", "--out", tmp_path / "out")
    assert "not an empty folder" in ended.err
    assert "No money moved" in ended.err
