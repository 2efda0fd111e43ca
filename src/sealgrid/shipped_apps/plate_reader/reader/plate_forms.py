"""Chooses a plate's text among the forms of the countries that a model knows.

The reader's network gives each column of a plate the probability of each label, label 0 being blank; equal labels of
neighbouring columns are one character (connectionist temporal classification, Graves et al. 2006).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_DOUBT: Final = (
    6.0  #: how many times e less likely a text of a known form may be than the text as the network saw it
)
_LEAST_CHANCE: Final = 1e-9
_SAME, _AFTER_BLANK, _AFTER_OTHER = range(3)  #: how a path comes to a character: it goes on, or it begins

Floats = NDArray[np.float64]


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


class FormDecoder:
    """Finds the likeliest text of a known form in the columns of a plate."""

    def __init__(self, labels: str, forms: PlateForms) -> None:
        self._labels = labels
        lengths = [len(form) for form in forms.forms]
        self._ends = np.array(lengths, int)
        #: log of 1 where a form allows a label at a place, else of 0; shape forms x places x labels
        self._allowed = np.full((len(lengths), max(lengths, default=0), len(labels)), -np.inf)
        for row, form in zip(self._allowed, forms.forms, strict=True):
            for place, sign in enumerate(form):
                row[place, [labels.index(character) for character in forms.classes[sign]]] = 0

    def read(self, columns: Floats) -> FormRead:
        """Return the likeliest text of a known form, or the text as the network saw it if none is likely.

        ``columns`` has the shape columns x (1 + labels). Letters and digits that look alike, such as O and 0, differ by
        their place in a form; a character that the network saw twice, once as each of them, is one.
        """
        logs = np.log(np.maximum(columns, _LEAST_CHANCE))
        free = columns.argmax(axis=1)
        path = self._form_path(logs, least=float(logs.max(axis=1).sum()) - MAX_DOUBT)
        return self._text_of(columns, free if path is None else path, has_form=path is not None)

    def _form_path(self, logs: Floats, least: float) -> NDArray[np.intp] | None:
        """Return the label of each column in the likeliest path of any form, or None if it is not above ``least``.

        Viterbi's algorithm over all forms at once. A state is a form, a number of characters begun, and the character
        on which the path is, or blank.
        """
        forms, places, labels = self._allowed.shape
        blank = np.full((forms, 1 + places), -np.inf)
        blank[:, 0] = 0
        on = np.full((forms, places, labels), -np.inf)
        steps = []
        for column in logs:
            other, other_label = _best_other(on)
            begun = np.broadcast_to(blank[:, :-1, None], on.shape)
            ways = np.stack((on, begun, other))  # in the order of _SAME, _AFTER_BLANK, _AFTER_OTHER
            steps.append((ways.argmax(axis=0), other_label, on.max(axis=2) > blank[:, 1:], on.argmax(axis=2)))
            blank[:, 1:] = np.maximum(blank[:, 1:], on.max(axis=2))
            blank += column[0]
            on = ways.max(axis=0) + column[1:] + self._allowed
        each = np.arange(forms)
        ends = np.maximum(blank[each, self._ends], on[each, self._ends - 1].max(axis=1, initial=-np.inf))
        if not forms or ends.max() <= least:
            return None
        best = int(ends.argmax())
        length = int(self._ends[best])
        last = on[best, length - 1]
        return _path_back(steps, best, length, 0 if blank[best, length] >= last.max() else 1 + int(last.argmax()))

    def _text_of(self, columns: Floats, path: NDArray[np.intp], *, has_form: bool) -> FormRead:
        """Return the characters of a path, each with its probability where it is clearest."""
        starts = np.flatnonzero((path != 0) & np.append(True, path[1:] != path[:-1]))
        text, chances = "", []
        for start in starts:
            end = start + next(iter(np.flatnonzero(path[start:] != path[start])), len(path) - start)
            clearest = columns[start + columns[start:end, path[start]].argmax()]
            text += self._labels[path[start] - 1]
            chances.append(clearest[path[start]] / clearest[1:].sum())
        return FormRead(text, float(np.mean(chances)) if chances else 0.0, has_form)


def _best_other(on: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return, for each place and label, the best state of the place before on another label, and that label.

    A label that follows itself needs a blank between; else both are one character.
    """
    other, other_label = np.full(on.shape, -np.inf), np.zeros(on.shape, np.intp)
    first = on[:, :-1].argmax(axis=2)[:, :, None]
    repeats = np.arange(on.shape[2]) == first
    second = np.where(repeats, -np.inf, on[:, :-1]).argmax(axis=2)[:, :, None]
    other_label[:, 1:] = np.where(repeats, second, first)
    other[:, 1:] = np.take_along_axis(on[:, :-1], other_label[:, 1:], axis=2)
    return other, other_label


def _path_back(
    steps: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_], NDArray[np.intp]]],
    form: int,
    place: int,
    label: int,
) -> NDArray[np.intp]:
    """Return the labels of a path from the choices at each column, from the last column to the first."""
    path = np.zeros(len(steps), np.intp)
    for column in reversed(range(len(steps))):
        path[column] = label
        way, other_label, was_on, on_label = steps[column]
        if label == 0:
            if place and was_on[form, place - 1]:
                label = 1 + int(on_label[form, place - 1])
            continue
        state = (form, place - 1, label - 1)
        if way[state] == _SAME:
            continue
        place -= 1
        label = 0 if way[state] == _AFTER_BLANK else 1 + int(other_label[state])
    return path
