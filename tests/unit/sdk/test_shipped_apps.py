"""Shipped apps by name, and the app for a file."""

from pathlib import Path

import pytest

from sealgrid.bundle.interpreter import running_python
from sealgrid.errors import InputRefused, InterpreterMismatch, SetupMissing
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.operations import build
from sealgrid.sdk.operations.build import shipped_app_digests
from sealgrid.sdk.shipped_apps import app_folder, app_for, shipped_digests, source_folder
from setup.shipped_digests import PYTHONS, digests_for


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


@pytest.fixture
def digests(tmp_path, monkeypatch):
    """The file of a wheel, with digests of three versions of Python."""
    file = tmp_path / "digests.json"
    file.write_text(
        '{"3.11.2": {"onnx-runner": "0xaa"}, "3.11.7": {"onnx-runner": "0xbb"}, "3.1": {"hash-file": "0xcc"}}'
    )
    monkeypatch.setattr(shipped_apps, "DIGESTS", file)
    return file


def test_the_digests_of_a_wheel_are_those_of_every_patch_version_of_the_networks_python(digests):
    assert shipped_digests("onnx-runner", "3.11") == {"0xaa", "0xbb"}
    assert shipped_digests("hash-file", "3.1") == {"0xcc"}
    assert shipped_digests("hash-file", "3.11") == frozenset()
    digests.unlink()
    assert shipped_digests("onnx-runner", "3.11") == frozenset()


def test_an_app_without_an_environment_has_a_digest_for_each_python_without_its_interpreter(monkeypatch):
    monkeypatch.setenv("PATH", "")
    digests, missing = digests_for(PYTHONS, ("csv-statistics", "hash-file"))
    assert not missing
    assert set(digests) == {"3.11", "3.12", "3.13"}
    assert len({each["hash-file"] for each in digests.values()}) == len(PYTHONS)
    assert digests["3.12"]["hash-file"] == build.shipped_bundle("hash-file", "3.12").app_digest


def test_an_environment_has_no_digest_without_the_python_that_compiles_it(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    other = next(each for each in PYTHONS if each != running_python())
    assert digests_for([other], ["onnx-runner"]) == ({}, [other])
    assert f"no digest of onnx-runner for Python {other}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fault", [InputRefused("no wheels."), InterpreterMismatch("12", "other wheels."), SetupMissing("no interpreter.")]
)
def test_the_digests_of_the_package_serve_where_the_app_cannot_be_built(digests, monkeypatch, fault):
    def fail(name: str, python: str) -> None:
        raise fault

    monkeypatch.setattr(build, "shipped_bundle", fail)
    assert shipped_app_digests("onnx-runner", "3.11") == {"0xaa", "0xbb"}
    digests.unlink()
    with pytest.raises(type(fault)):
        shipped_app_digests("onnx-runner", "3.11")


def test_without_the_apps_wheels_its_name_means_the_digests_of_the_package(digests, monkeypatch):
    monkeypatch.setattr(build, "wheel_folder", lambda: None)
    build.shipped_bundle.cache_clear()
    assert shipped_app_digests("onnx-runner", "3.11") == {"0xaa", "0xbb"}
    digests.unlink()
    with pytest.raises(InputRefused, match="sealgrid setup"):
        shipped_app_digests("onnx-runner", "3.11")
