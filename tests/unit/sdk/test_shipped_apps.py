"""Shipped apps by name, and the app for a file."""

from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.shipped_apps import app_folder, app_for, source_folder


def test_the_suffix_of_a_file_selects_its_app():
    for table in ("rides.CSV", "rides.tsv", "rides.csv.gz", "rides.xlsx", "rides.2026.csv"):
        assert app_for(Path(table)) == "csv-statistics"
    for model in ("model.onnx", "model", "model.onnx.gz", "csv"):
        assert app_for(Path(model)) == "onnx-runner"


@pytest.mark.parametrize("name", ["", "nothing", "../sdk", "onnx-runner/..", "onnx runner"])
def test_another_name_has_no_folder(name):
    assert app_folder("onnx-runner").name == "onnx_runner"
    assert app_folder(name) is None


def test_an_app_is_named_by_its_folder_or_as_a_shipped_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    assert source_folder("own") == Path("own")
    assert source_folder("onnx-runner") == app_folder("onnx-runner")
    with pytest.raises(InputRefused, match="'nothing' is neither a folder"):
        source_folder("nothing")
