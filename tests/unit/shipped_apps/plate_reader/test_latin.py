"""The forms of European plates, and texts drawn of them."""

import random

import pytest

from sealgrid.shipped_apps.plate_reader.latin import CHARACTERS, CLASSES, COUNTRIES, FORMS, GROUPS, random_groups


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_drawn_text_has_a_form_of_its_country(country):
    forms = {"".join(groups) for groups in GROUPS[country]}
    for seed in range(20):
        text = "".join(random_groups(random.Random(seed), country))
        assert any(len(form) == len(text) and all(map(has_sign, text, form)) for form in forms)


def has_sign(character: str, sign: str) -> bool:
    return character in CLASSES[sign]


def test_every_sign_of_a_form_stands_for_characters_that_the_model_knows():
    assert {sign for form in FORMS for sign in form} == set(CLASSES)
    assert all(set(characters) <= set(CHARACTERS) for characters in CLASSES.values())


def test_spanish_plates_have_no_vowels_and_german_numbers_no_leading_zero():
    assert not set("AEIOUQ") & set(CLASSES["C"])
    assert "0" not in CLASSES["1"]
