"""A model's public signature: what it may contain, and how its shapes read."""

import msgspec
import pytest

from sealgrid.bundle.model_signature import MAX_BYTES, ModelSignature, TensorSpec, bounded, is_valid, with_stated_shapes


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


def test_shapes_that_an_app_cannot_report_are_those_of_the_file():
    reported = decode(inputs=[spec(shape=None), spec(name="y", shape=[1])], outputs=[spec(dtype="int64", shape=None)])
    stated = decode(inputs=[spec(shape=[]), spec(name="y", shape=[9])], outputs=[spec(shape=[2])])
    merged = with_stated_shapes(reported, stated)
    assert [each.shape for each in merged.inputs] == [(), (1,)]
    assert merged.outputs[0].shape is None, "an output of another type"


def test_classes_that_would_fill_a_card_are_left_out():
    small = decode(outputs=[spec(classes=["cat", "dog"])])
    large = decode(outputs=[spec(classes=[f"class {number}" for number in range(5000)])])
    assert bounded(small) == small
    assert bounded(large).outputs[0].classes == ()
    assert len(msgspec.json.encode(bounded(large))) <= MAX_BYTES


def test_a_signature_that_exceeds_its_bounds_is_not_valid():
    spec = TensorSpec(name="x", dtype="float32", shape=(1,))
    assert is_valid(ModelSignature(inputs=(spec,), outputs=(spec,), checked="structure"))
    assert not is_valid(ModelSignature(inputs=(spec,) * 1025, outputs=(), checked="structure"))
    long = TensorSpec(name="x" * 1025, dtype="float32", shape=(1,))
    assert not is_valid(ModelSignature(inputs=(), outputs=(long,), checked="structure"))
