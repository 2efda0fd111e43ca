"""The choice of a text among known forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.shipped_apps.plate_reader.latin import CHARACTERS, CLASSES, FORMS
from sealgrid.shipped_apps.plate_reader.reader.plate_forms import PlateForms, read_form

EUROPE = PlateForms(FORMS, CLASSES)


def seen(text: str, *others: tuple[int, str, float]) -> list[np.ndarray]:
    """Return chances of 0.9 for each character of the text; others are (place, character, chance)."""
    slots = [np.full(len(CHARACTERS), 1e-4) for _ in text]
    for slot, character in zip(slots, text, strict=True):
        slot[CHARACTERS.index(character)] = 0.9
    for place, character, chance in others:
        slots[place][CHARACTERS.index(character)] = chance
    return slots


def test_letters_and_digits_that_look_alike_are_told_apart_by_their_place():
    read = read_form(seen("O422DGZ", (0, "0", 0.08)), CHARACTERS, EUROPE)
    assert (read.text, read.has_form) == ("0422DGZ", True)


@pytest.mark.parametrize("text", ["0422DGZ1", "A1B2C3"])
def test_a_text_of_no_known_form_is_returned_as_seen(text):
    read = read_form(seen(text), CHARACTERS, EUROPE)
    assert (read.text, read.has_form) == (text, False)


def test_nothing_seen_is_an_empty_text():
    read = read_form([], CHARACTERS, EUROPE)
    assert (read.text, read.score, read.has_form) == ("", 0.0, False)


@given(st.text(CHARACTERS, min_size=1, max_size=9))
def test_a_text_keeps_its_length_and_a_known_form_its_signs(text):
    read = read_form(seen(text), CHARACTERS, EUROPE)
    assert len(read.text) == len(text)
    assert read.text == text  # no form is worth a character that was clearly seen
    fits = any(
        len(form) == len(text) and all(c in CLASSES[sign] for c, sign in zip(text, form, strict=True)) for form in FORMS
    )
    assert read.has_form == fits
