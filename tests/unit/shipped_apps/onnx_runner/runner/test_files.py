"""Where the model and the one input file of a job are."""

import pytest

from sealgrid.shipped_apps.onnx_runner.runner import files
from sealgrid.shipped_apps.onnx_runner.runner.errors import RunRefused


@pytest.fixture
def job(monkeypatch, tmp_path):
    def describe(**variables):
        for name, value in {"IN": tmp_path, "INPUT_FILES_FOLDER": tmp_path, **variables}.items():
            monkeypatch.setenv(f"IEXEC_{name}", str(value))

    return describe


def test_the_model_is_the_dataset(job, tmp_path):
    job(DATASET_FILENAME="0xmodel")
    (tmp_path / "0xmodel").write_bytes(b"onnx")
    assert files.dataset() == tmp_path / "0xmodel"


@pytest.mark.parametrize("variables", [{}, {"DATASET_FILENAME": "0xmissing"}], ids=["none", "missing"])
def test_a_run_without_a_model_is_refused(job, variables):
    job(**variables)
    with pytest.raises(RunRefused, match="there is no model"):
        files.dataset()


def test_the_input_is_one_file(job, tmp_path):
    job(INPUT_FILES_NUMBER=1, INPUT_FILE_NAME_1="x.json")
    assert files.input_file() == tmp_path / "x.json"


@pytest.mark.parametrize("count", [0, 2])
def test_another_number_of_input_files_is_refused(job, count):
    job(INPUT_FILES_NUMBER=count)
    with pytest.raises(RunRefused, match=f"one input file, not {count}"):
        files.input_file()
