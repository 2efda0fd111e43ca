"""The plate reader: as its sandbox runs it, and its commands."""

import io
from pathlib import Path

import pytest
from PIL import Image

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.__main__ import main
from sealgrid.shipped_apps.plate_reader.latin_scenes import draw_scene_of
from sealgrid.shipped_apps.plate_reader.reader.pipeline import read_plates
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene
from tests.unit.shipped_apps.app_process import ROOT, run_app

SEEDS = (0, 2, 5)
FONT = cached_files.font()
MODEL_BYTES, LATIN_MODEL_BYTES = cached_files.MODEL.read_bytes(), cached_files.LATIN_MODEL.read_bytes()


@pytest.mark.parametrize(
    ("country", "model"), [("CN", MODEL_BYTES), ("ES", LATIN_MODEL_BYTES)], ids=["Chinese", "European"]
)
def test_the_app_says_what_the_model_says_outside_and_frames_the_plate(tmp_path, country, model):
    scene = draw_scene_of(SEEDS[0], country, FONT)
    ran = run_app("plate_reader", tmp_path, dataset=model, inputs={"picture": scene.png}, wheels=site_packages())
    assert ran.code == 0, ran.errors
    assert ran.errors == ""
    assert ran.result == read_plates(model, scene.png)
    assert [plate["text"] for plate in ran.result["plates"]] == [scene.expected]
    with Image.open(io.BytesIO(ran.files["annotated.png"])) as drawn, Image.open(io.BytesIO(scene.png)) as before:
        assert drawn.size == before.size
        assert drawn.tobytes() != before.convert(drawn.mode).tobytes()


@pytest.mark.parametrize(
    ("model", "picture", "said"),
    [
        (None, b"x", "there is no model"),
        (MODEL_BYTES, b"x", "not a picture in a form that can be read"),
        (b"x", None, "not a plate model"),
    ],
)
def test_bad_input_ends_in_one_line_and_code_two(tmp_path, model, picture, said):
    content = draw_scene(SEEDS[0], FONT).png if picture is None else picture
    ran = run_app("plate_reader", tmp_path, dataset=model, inputs={"picture": content}, wheels=site_packages())
    assert ran.code == 2
    assert said in ran.errors
    assert len(ran.errors.strip().splitlines()) == 1


def site_packages() -> Path:
    import onnxruntime

    assert ROOT
    return Path(onnxruntime.__file__).parents[1]


def test_the_commands_draw_and_read(tmp_path, capsys):
    picture = str(tmp_path / "scene.png")
    assert main(["draw", "--seed", str(SEEDS[0]), "--out", picture]) == 0
    assert main(["read", "--picture", picture]) == 0
    assert str(draw_scene(SEEDS[0], FONT).expected) in capsys.readouterr().out
    assert main(["read", "--picture", str(tmp_path / "nothing")]) == 2
