"""Summaries of apps and models for lists: what they say, bounded."""

import msgspec

from sealgrid.bundle.input_spec import FileSpec, InputSpec
from sealgrid.bundle.manifest import AppFileEntry, Manifest
from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.sdk.model_cards import ModelCard
from sealgrid.web.index.summaries import MAX_LINE, MAX_LINES, MAX_SEARCHED, summary_of_app, summary_of_model
from sealgrid.web.storage_cache import AppDetails

ENTRY = AppFileEntry(path="main.py", size=1, sha256="0x" + "00" * 32)
MANIFEST = Manifest(
    name="reader",
    version="1",
    title="Read it",
    python="3.11",
    entrypoint=("main.py",),
    files=(ENTRY,),
    inputs=InputSpec(
        model="required", model_format="onnx", files=FileSpec(media_types=("image/png",), example="a/car.png")
    ),
)
PIXELS = TensorSpec(name="pixels", dtype="float32", shape=("batch", 2))
KINDS = TensorSpec(name="kind", dtype="int64", shape=("batch",), classes=("cat", "dog", "cow", "hen", "pig"))


def test_an_app_is_described_by_its_manifest_and_its_readme():
    readme = "---\ntags: [fast]\n---\n# Read it\n\nReads anything."
    summary = summary_of_app(AppDetails(MANIFEST, readme, example=b"x"))
    assert (summary.title, summary.text, summary.example) == ("Read it", "Reads anything.", "car.png")
    assert summary.takes == "a model or data of the format onnx; 1 file: a PNG picture"
    assert (summary.tags, summary.format) == (("fast",), "onnx")
    assert all(word in summary.searched for word in ("reader", "read it", "anything", "fast"))


def test_a_model_is_described_by_its_card_and_its_signature():
    signature = ModelSignature(inputs=(PIXELS,), outputs=(KINDS,), checked="inference")
    summary = summary_of_model(ModelCard("# Pets\n\nTells pets apart.", signature))
    assert summary.text == "Tells pets apart."
    assert summary.takes == "pixels: float32 [batch, 2]"
    assert summary.gives == "kind: cat, dog, cow, hen … (5 classes)"
    assert summary.example == '{"pixels": [[0.5, 0.5]]}'
    assert "pig" in summary.searched


def test_a_card_without_a_signature_says_its_text_only():
    summary = summary_of_model(ModelCard("Rows of rides."))
    assert (summary.text, summary.takes, summary.gives, summary.format) == ("Rows of rides.", "", "", "")


def test_every_text_is_bounded():
    wide = TensorSpec(name="n" * 900, dtype="float32", shape=(1,))
    signature = ModelSignature(inputs=(wide,) * 9, outputs=(), checked="structure")
    model = summary_of_model(ModelCard("word " * 9000, signature))
    app = summary_of_app(
        AppDetails(msgspec.structs.replace(MANIFEST, title="t" * 4000, description="d" * 4000), "r" * 9000)
    )
    for summary in (model, app):
        assert len(summary.text) <= MAX_LINES
        assert len(summary.takes) <= MAX_LINE + len("; 6 more")
        assert len(summary.searched) <= MAX_SEARCHED
    assert model.takes.endswith("; 6 more")
    assert len(app.title) <= 120
