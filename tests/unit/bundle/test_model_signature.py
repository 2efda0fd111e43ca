"""A model's public signature: what it may contain, and how its shapes read."""

import msgspec
import pytest

from sealgrid.bundle.model_signature import ModelSignature, TensorSpec


def spec(**changes) -> dict:
    return {"name": "x", "dtype": "float32", "shape": [None, 3]} | changes


def decode(**changes) -> ModelSignature:
    document = {"inputs": [spec()], "outputs": [], "checked": "structure"} | changes
    return msgspec.json.decode(msgspec.json.encode(document), type=ModelSignature)


@pytest.mark.parametrize(
    ("shape", "text"),
    [(None, "any"), ((), "scalar"), ((1, 3), "[1, 3]"), (("batch", None, 4), "[batch, any, 4]")],
)
def test_a_shape_reads_as_people_write_it(shape, text):
    assert TensorSpec(name="x", dtype="float32", shape=shape).shape_text == text


def test_a_signature_is_read_as_it_was_written():
    document = decode(outputs=[spec(classes=["cat", 7])])
    assert document.outputs[0].classes == ("cat", 7)
    assert msgspec.json.decode(msgspec.json.encode(document), type=ModelSignature) == document


@pytest.mark.parametrize(
    "changes",
    [
        {"checked": "guessed"},
        {"inputs": [spec(name=7)]},
        {"inputs": [spec(dtype=None)]},
        {"inputs": [spec(shape=[-1])]},
        {"inputs": [spec(shape=[2**53])]},
        {"inputs": [spec(shape=[1.5])]},
        {"inputs": [spec(classes=[None])]},
        {"inputs": [{"name": "x", "dtype": "float32"}]},
        {"inputs": [spec(extra=1)]},
        {"inputs": [spec()] * 1025},
        {"extra": 1},
    ],
    ids=str,
)
def test_what_is_no_signature_is_refused(changes):
    with pytest.raises(msgspec.ValidationError):
        decode(**changes)
