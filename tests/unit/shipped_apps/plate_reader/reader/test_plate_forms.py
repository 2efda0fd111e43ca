"""The choice of a text among known forms."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.shipped_apps.plate_reader.latin import CHARACTERS, CLASSES, FORMS
from sealgrid.shipped_apps.plate_reader.reader.plate_forms import MAX_DOUBT, FormDecoder, PlateForms
from tests.examples import examples

EUROPE = FormDecoder(CHARACTERS, PlateForms(FORMS, CLASSES))
CLEAR = 0.95


def columns_of(text: str, *others: tuple[int, str, float]) -> np.ndarray:
    """Return the columns of a plate: a blank before each character, then two columns of it.

    Each of ``others`` is (place, character, chance): in the first column of that place, what the network saw as well.
    """
    columns = np.full((3 * len(text) + 1, 1 + len(CHARACTERS)), 1e-4)
    columns[::3, 0] = CLEAR
    for place, character in enumerate(text):
        columns[3 * place + 1 : 3 * place + 3, 1 + CHARACTERS.index(character)] = CLEAR
    for place, character, chance in others:
        columns[3 * place + 1] = 1e-4
        columns[3 * place + 1, 1 + CHARACTERS.index(text[place])] = CLEAR - chance
        columns[3 * place + 1, 1 + CHARACTERS.index(character)] = chance
    return columns / columns.sum(axis=1, keepdims=True)


def test_letters_and_digits_that_look_alike_are_told_apart_by_their_place():
    columns = columns_of("O422DGZ", (0, "0", 0.3))
    columns[2] = columns[1]
    read = EUROPE.read(columns)
    assert (read.text, read.has_form) == ("0422DGZ", True)


def test_a_character_that_was_seen_as_two_is_one():
    """A column of 7 that looks more like T, before a clear column of 7."""
    read = EUROPE.read(columns_of("KF791LT", (2, "T", 0.5)))
    assert (read.text, read.has_form) == ("KF791LT", True)
    assert read.score > 0.9


@pytest.mark.parametrize("text", ["2233BBC", "1111BBB"])
def test_a_character_that_stands_twice_is_two(text):
    assert EUROPE.read(columns_of(text)).text == text


@pytest.mark.parametrize("text", ["0422DGZ1", "A1B2C3"])
def test_a_text_of_no_known_form_is_returned_as_seen(text):
    read = EUROPE.read(columns_of(text))
    assert (read.text, read.has_form) == (text, False)


def test_nothing_seen_is_an_empty_text():
    read = EUROPE.read(columns_of(""))
    assert (read.text, read.score, read.has_form) == ("", 0.0, False)


@given(st.text(CHARACTERS, min_size=1, max_size=9))
def test_a_text_that_is_clearly_seen_is_kept_and_a_known_form_is_known(text):
    read = EUROPE.read(columns_of(text))
    assert read.text == text  # no form is worth a character that was clearly seen
    fits = any(
        len(form) == len(text) and all(c in CLASSES[sign] for c, sign in zip(text, form, strict=True)) for form in FORMS
    )
    assert read.has_form == fits


def text_of(path: tuple[int, ...]) -> str:
    """Return the characters of a path: equal labels side by side are one, 0 is none."""
    return "".join("AB1"[b - 1] for a, b in zip((0, *path), path, strict=False) if b and a != b)


@settings(max_examples=examples(20, 500), deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([("AA1",), ("1A", "A1"), ("AAA",), ("1",)]))
def test_the_best_text_is_that_of_the_best_of_all_paths(seed, forms):
    """Beside every path of six columns, tried one by one."""
    columns = np.random.default_rng(seed).dirichlet(np.full(4, 0.5), 6)
    decoder = FormDecoder("AB1", PlateForms(forms, {"A": "AB", "1": "1"}))
    logs = np.log(np.maximum(columns, 1e-9))
    known = {"".join(text) for form in forms for text in product(*({"A": "AB", "1": "1"}[sign] for sign in form))}
    chances = {path: sum(logs[range(6), path]) for path in product(range(4), repeat=6)}
    best = max((path for path in chances if text_of(path) in known), key=chances.__getitem__)
    read = decoder.read(columns)
    if chances[best] > logs.max(axis=1).sum() - MAX_DOUBT:
        assert (read.text, read.has_form) == (text_of(best), True)
    else:
        assert (read.text, read.has_form) == (text_of(tuple(columns.argmax(axis=1))), False)
