"""The model file: a damaged one is refused, or still a model."""

import contextlib
import io
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.shipped_apps.plate_reader.reader.model_file import (
    CARD,
    DETECTOR,
    FORMS_SCHEMA,
    LABELS,
    RECOGNISER,
    SCHEMA,
    NoModel,
    open_model,
)


def small_model(labels: bytes, card: dict[str, object] | None = None) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(CARD, json.dumps(card or {"schema": SCHEMA}))
        for name, content in ((DETECTOR, b"one"), (RECOGNISER, b"two"), (LABELS, labels)):
            archive.writestr(name, content)
    return target.getvalue()


SMALL_MODEL = small_model(b"A B C")


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


def test_a_model_of_the_second_schema_has_forms_of_its_labels():
    card = {"schema": FORMS_SCHEMA, "forms": ["XXY"], "classes": {"X": "AB", "Y": "C"}}
    forms = open_model(small_model(b"A B C", card)).forms
    assert forms is not None
    assert forms.forms == ("XXY",)


@pytest.mark.parametrize(
    "card",
    [{}, {"forms": "XX", "classes": {}}, {"forms": ["X"], "classes": {}}, {"forms": ["X"], "classes": {"X": "AZ"}}],
    ids=["no forms", "forms that are no list", "a sign without characters", "a character without a label"],
)
def test_forms_that_the_labels_do_not_cover_are_no_model(card):
    with pytest.raises(NoModel, match=r"model\.json"):
        open_model(small_model(b"A B C", {"schema": FORMS_SCHEMA} | card))
