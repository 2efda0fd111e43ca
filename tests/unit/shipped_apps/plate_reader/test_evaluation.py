"""The evaluation counts exact, misread and false plates."""

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.evaluation import evaluate_model, tally_results
from sealgrid.shipped_apps.plate_reader.reader.pipeline import read_plates
from sealgrid.shipped_apps.plate_reader.scenes import draw_scene

SEEDS = (0, 2, 5)
FONT = cached_files.font()
MODEL_BYTES = cached_files.MODEL.read_bytes()


def test_scenes_with_and_without_a_plate_are_counted():
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
