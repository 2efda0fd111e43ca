"""Reads a flattened plate: a recurrent network returns each character's probability for each column."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .onnx_session import open_session

HEIGHT = 32  #: pixels of the network's input
WIDTH = 320  #: pixels; narrower plates are padded with grey
_BLANK = 0  #: class of columns without a character (connectionist temporal classification)


@dataclass(frozen=True)
class Read:
    """The text of a plate."""

    text: str
    score: float  #: the mean probability of the characters


class Recogniser:
    """Reads flattened plates."""

    def __init__(self, model: bytes, labels: Sequence[str]) -> None:
        self._session = open_session(model)
        self._labels = ("", *labels)
        self._input = self._session.get_inputs()[0].name
        if self._session.get_outputs()[0].shape[-1] != len(self._labels):
            raise ValueError("the network and the list of labels have different numbers of characters")

    def read(self, plate: Image.Image) -> Read:
        """Read an RGB picture of one plate, HEIGHT pixels high."""
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        pixels[:, : plate.width] = np.asarray(plate, np.float32)[:, :, ::-1] / 127.5 - 1
        (output,) = self._session.run(None, {self._input: pixels.transpose(2, 0, 1)[None].copy()})
        columns: NDArray[np.float64] = np.asarray(output, float)[0]
        best = columns.argmax(axis=1)
        starts = (best != _BLANK) & np.append(True, best[1:] != best[:-1])
        text = "".join(self._labels[index] for index in best[starts])
        return Read(text, float(columns.max(axis=1)[starts].mean()) if text else 0.0)
