"""Weights that lie in other files are folded into the model, wherever its graph names them."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations import onnx_weights
from sealgrid.sdk.operations.onnx_weights import fold_weights
from tests.unit.shipped_apps.onnx_writer import FLOAT, Node, Value, Weights, model, passing, tensor_attribute

RAW = bytes(range(16))
ADD = [Node("Add", ["x", "w"], ["y"])]


def split(**external) -> bytes:
    """Return a model that adds weights, which lie in another file."""
    weights = Weights("w", FLOAT, (4,), **{"location": "m.onnx.data"} | external)
    return model(ADD, [Value("x", shape=(4,))], [Value("y", shape=(4,))], weights=[weights])


def whole(raw: bytes = RAW) -> bytes:
    return model(ADD, [Value("x", shape=(4,))], [Value("y", shape=(4,))], weights=[Weights("w", FLOAT, (4,), raw)])


@pytest.fixture
def fold(tmp_path):
    def folded(content: bytes, data: bytes | None = RAW, name: str = "m.onnx.data"):
        (tmp_path / "m.onnx").write_bytes(content)
        if data is not None:
            (tmp_path / name).write_bytes(data)
        names = fold_weights(tmp_path / "m.onnx", tmp_path / "folded")
        return names, (tmp_path / "folded").read_bytes() if names else None

    return folded


@pytest.mark.parametrize(
    ("external", "data"),
    [
        ({}, RAW),
        ({"offset": 8, "length": 16}, b"x" * 8 + RAW + b"y"),
        ({"offset": 4096}, bytes(4096) + RAW),
    ],
)
def test_a_model_with_weights_elsewhere_becomes_one_file(fold, external, data):
    assert fold(split(**external), data) == (("m.onnx.data",), whole())


def test_a_model_with_its_weights_inside_is_left_alone(fold):
    assert fold(whole()) == ((), None)
    assert fold(passing()) == ((), None)


def test_weights_of_a_constant_are_folded_too(fold):
    def constant(weights: Weights) -> bytes:
        nodes = [Node("Constant", [], ["w"], tensor_attribute("value", weights)), *ADD]
        return model(nodes, [Value("x", shape=(4,))], [Value("y", shape=(4,))])

    outside = constant(Weights("w", FLOAT, (4,), location="m.onnx.data"))
    assert fold(outside) == (("m.onnx.data",), constant(Weights("w", FLOAT, (4,), RAW)))


def test_a_file_in_a_folder_below_is_read(fold, tmp_path):
    (tmp_path / "parts").mkdir()
    assert fold(split(location="parts/w.bin"), name="parts/w.bin") == (("parts/w.bin",), whole())


@pytest.mark.parametrize(
    ("external", "data", "reason"),
    [
        ({}, None, "m.onnx has its weights in the file 'm.onnx.data', which is not beside it; put it there"),
        ({"length": 17}, RAW, "m.onnx.data is shorter than m.onnx says"),
        ({"offset": 17}, RAW, "m.onnx.data is shorter than m.onnx says"),
        ({"offset": -1}, RAW, "m.onnx.data is shorter than m.onnx says"),
        ({"location": "../m.onnx.data"}, RAW, "outside its folder"),
        ({"location": "/etc/passwd"}, RAW, "outside its folder"),
    ],
)
def test_weights_that_are_missing_short_or_outside_are_refused(fold, external, data, reason):
    with pytest.raises(InputRefused, match=reason):
        fold(split(**external), data)


def test_a_link_that_leads_out_of_the_folder_is_refused(fold, tmp_path):
    secret = tmp_path.parent / f"{tmp_path.name}-secret"
    secret.write_bytes(RAW)
    (tmp_path / "m.onnx.data").symlink_to(secret)
    with pytest.raises(InputRefused, match="outside its folder"):
        fold(split(), None)


def test_a_model_that_would_be_too_large_for_onnx_is_refused(fold, monkeypatch):
    monkeypatch.setattr(onnx_weights, "MAX_BYTES", 60)
    with pytest.raises(InputRefused, match="an ONNX file has at most 60"):
        fold(split())


def test_a_damaged_model_is_refused(fold):
    with pytest.raises(InputRefused, match="is not an ONNX model"):
        fold(split()[:-3])
