"""Chooses a plate's text among the forms of the countries that a model knows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_DOUBT = 6.0  #: how many times e less likely a text of a known form may be than the text as the network saw it


@dataclass(frozen=True)
class PlateForms:
    """Forms such as ``9999CCC``, one sign for each character, and the characters that each sign stands for."""

    forms: tuple[str, ...]
    classes: Mapping[str, str]


@dataclass(frozen=True)
class FormRead:
    """A text, how sure it is, and whether it has a known form."""

    text: str
    score: float  #: the mean probability of its characters
    has_form: bool


def read_form(slots: Sequence[NDArray[np.float64]], labels: str, forms: PlateForms) -> FormRead:
    """Return the likeliest text of a known form, or the text as the network saw it if none is likely.

    ``slots`` has the probability of each label for each character. Letters and digits that look alike, such as O and
    0, differ by their place in a form.
    """
    free = [int(chances.argmax()) for chances in slots]
    seen = _log_chance(slots, free)
    best, least = free, seen - MAX_DOUBT
    has_form = False
    for form in forms.forms:
        if len(form) != len(slots):
            continue
        chosen = [
            max((labels.index(character) for character in forms.classes[sign]), key=chances.__getitem__)
            for sign, chances in zip(form, slots, strict=True)
        ]
        log_chance = _log_chance(slots, chosen)
        if log_chance > least:
            best, least, has_form = chosen, log_chance, True
    score = float(np.mean([chances[index] for chances, index in zip(slots, best, strict=True)])) if best else 0.0
    return FormRead("".join(labels[index] for index in best), score, has_form)


def _log_chance(slots: Sequence[NDArray[np.float64]], chosen: Sequence[int]) -> float:
    return sum(math.log(max(float(chances[index]), 1e-9)) for chances, index in zip(slots, chosen, strict=True))
