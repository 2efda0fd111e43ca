import hashlib
import json
from dataclasses import fields

import numpy as np
import onnxruntime
import pytest

from sealgrid.ados.stations import draw_network, draw_readings
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.fixed_point import ONE
from sealgrid.shipped_apps.ados.quality.model_file import METADATA, SCHEMA, metadata_of, read_model
from sealgrid.shipped_apps.ados.quality.network import WINDOW
from sealgrid.shipped_apps.ados.quality.onnx_file import read_onnx
from tests.unit.shipped_apps.ados.models import SHIPPED_MODEL
from tests.unit.shipped_apps.app_process import APPS

MODEL = read_model(SHIPPED_MODEL)
TOLERANCE = 1e-3  #: standard deviations; docs/explanation/dqf.md states it


def with_metadata(change):
    """Return the shipped model with other metadata of the same kind."""
    document = json.loads(read_onnx(SHIPPED_MODEL).metadata[METADATA])
    changed = json.dumps(change(document)).encode()
    entry = _field(1, METADATA.encode()) + _field(2, changed)
    return SHIPPED_MODEL + _field(14, entry)


def _field(number, content):
    size, digits = len(content), b""
    while True:
        digits += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            return bytes([number << 3 | 2]) + digits + content


def test_the_shipped_model_is_small_and_has_its_card():
    card = (APPS / "ados" / "stations_card.md").read_text()
    assert len(SHIPPED_MODEL) <= 100_000
    assert f"{len(SHIPPED_MODEL)} bytes, SHA-256 {hashlib.sha256(SHIPPED_MODEL).hexdigest()}" in card


@pytest.mark.parametrize("own_past", [True, False])
def test_integers_estimate_what_onnxruntime_does_within_the_tolerance(own_past):
    readings = draw_readings(draw_network(1), 1, 4, 400)
    normalised = MODEL.calibration.normalise(readings.values)
    chance = np.random.default_rng(1)
    usable = chance.random((400 - WINDOW, 20, 9)) > 0.3
    usable[:, :, 0], usable[:, :, 1] = own_past, True
    windows = np.lib.stride_tricks.sliding_window_view(normalised / ONE, WINDOW + 1, axis=0).astype(np.float32)
    session = onnxruntime.InferenceSession(SHIPPED_MODEL)
    (reference,) = session.run(None, {"windows": windows, "usable": usable.astype(np.float32)})
    integers = MODEL.network.estimate(normalised, usable, np.arange(20)) / ONE
    assert np.abs(integers - reference).max() < TOLERANCE
    assert np.abs(reference).max() > 1


def test_a_model_is_written_as_it_is_read():
    document = json.loads(metadata_of(MODEL))
    assert document == json.loads(read_onnx(SHIPPED_MODEL).metadata[METADATA])
    assert document["schema"] == SCHEMA


def test_the_weights_of_another_tool_that_packs_numbers_are_read_too():
    """``float_data`` and ``int64_data`` in place of ``raw_data``."""
    floats = _field(4, np.array([1.5, -2.0], dtype="<f4").tobytes()) + b"\x08\x02\x10\x01" + _field(8, b"w")
    integers = b"\x08\x02\x10\x07" + _field(8, b"n") + b"\x38\x03\x38" + b"\xff" * 9 + b"\x01"
    tensors = read_onnx(_field(7, _field(5, floats) + _field(5, integers))).tensors
    assert tensors["w"].tolist() == [1.5, -2.0]
    assert tensors["n"].tolist() == [3, -1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "none of ados"),
        (b"\x89PNG\r\n\x1a\n", "not an ONNX file"),
        (SHIPPED_MODEL[:-100], "not an ONNX file"),
        (SHIPPED_MODEL[: len(SHIPPED_MODEL) // 2], "not an ONNX file"),
        (_field(14, _field(1, METADATA.encode()) + _field(2, b"{}")), "none of ados"),
        (with_metadata(lambda document: {**document, "schema": "sealgrid/ados-model/0"}), "another schema"),
        (with_metadata(lambda document: {**document, "window": 6}), "another schema or window"),
        (with_metadata(lambda document: {**document, "interval": 0}), "interval"),
        (with_metadata(lambda document: {**document, "sensors": ["a"] * 20}), "names a sensor twice"),
        (with_metadata(lambda document: {**document, "sensors": document["sensors"][1:]}), "different numbers"),
        (with_metadata(lambda document: {**document, "sensors": "a"}), "none of ados"),
        (with_metadata(lambda document: {**document, "calibration": {}}), "none of ados"),
        (
            with_metadata(lambda document: {**document, "calibration": {**document["calibration"], "scale": [0] * 20}}),
            "outside",
        ),
        (
            with_metadata(
                lambda document: {**document, "calibration": {**document["calibration"], "scale": [1.5] * 20}}
            ),
            "none of ados",
        ),
        (
            with_metadata(
                lambda document: {**document, "calibration": {**document["calibration"], "centre": [10**30] * 20}}
            ),
            "none of ados",
        ),
    ],
    ids=range(15),
)
def test_a_file_that_is_no_model_of_ados_is_refused(content, reason):
    with pytest.raises(ReadingsRefused, match=reason):
        read_model(content)


def test_every_weight_of_the_file_is_used():
    assert {each.name for each in fields(MODEL.network)} <= set(read_onnx(SHIPPED_MODEL).tensors)
