"""The user's own picture or table: a file that is too large or missing is refused before a network starts."""

import pytest
from rich.console import Console

from sealgrid.demos import runner
from sealgrid.errors import InputRefused, SetupMissing
from sealgrid.localnet.layout import Layout


@pytest.fixture
def layout(tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise AssertionError("a network was started")

    monkeypatch.setattr(runner, "network", no_network)
    return Layout(tmp_path / "data")


def test_a_table_that_is_missing_or_too_large_is_refused(layout, tmp_path, monkeypatch):
    with pytest.raises(InputRefused, match="cannot be read"):
        runner.run_table_demo(Console(), layout, tmp_path / "nowhere.csv", None)
    monkeypatch.setattr(runner, "MAX_INPUT_BYTES", 10)
    (tmp_path / "rides.csv").write_text("a,b\n" + "1,2\n" * 10)
    with pytest.raises(InputRefused, match="give a smaller one"):
        runner.run_table_demo(Console(), layout, tmp_path / "rides.csv", None)


def test_without_the_set_up_the_plates_demo_names_the_missing_file(layout, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "cache_folder", lambda: tmp_path)
    with pytest.raises(SetupMissing, match=r"models/plate_reader.zip is missing; run `make setup`"):
        runner.run_plates_demo(Console(), layout, None, None)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "plate_reader.zip").touch()
    with pytest.raises(InputRefused, match="give another file with --picture"):
        runner.run_plates_demo(Console(), layout, tmp_path / "nowhere.png", None)


def test_a_picture_that_the_app_cannot_open_is_refused_in_one_sentence(layout, tmp_path):
    (tmp_path / "car.heic").write_bytes(b"not a picture")
    with pytest.raises(InputRefused, match=r"plate-reader cannot read 'car.heic': the input is not a picture"):
        runner.run_plates_demo(Console(), layout, tmp_path / "car.heic", None)
