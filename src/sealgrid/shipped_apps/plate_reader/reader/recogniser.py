"""Read a flattened plate: a recurrent network gives, for each narrow column, the probability of each character."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .onnx_session import open_session

HEIGHT = 32  #: pixels that the network looks at
WIDTH = 320  #: narrower plates are filled up with grey
_BLANK = 0  #: "no character here" (connectionist temporal classification)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Read:
    """What stands on a plate."""

    text: str
    score: float  #: the mean probability of the characters


class Recogniser:
    """What do they say?"""

    def __init__(self, model: bytes, labels: Sequence[str]) -> None:
        self._session = open_session(model)
        self._labels = ("", *labels)
        self._input = self._session.get_inputs()[0].name
        if self._session.get_outputs()[0].shape[-1] != len(self._labels):
            raise ValueError("the network knows not as many characters as the list of labels")

    def read(self, plate: Image.Image) -> Read:
        """Read an RGB picture of one plate, HEIGHT pixels high."""
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        pixels[:, : plate.width] = np.asarray(plate, np.float32)[:, :, ::-1] / 127.5 - 1
        (columns,) = self._session.run(None, {self._input: pixels.transpose(2, 0, 1)[None].copy()})
        return self._decode(np.asarray(columns, float)[0])

    def _decode(self, columns: Floats) -> Read:
        best = columns.argmax(axis=1)
        begins = (best != _BLANK) & np.append(True, best[1:] != best[:-1])
        text = "".join(self._labels[index] for index in best[begins])
        return Read(text, float(columns.max(axis=1)[begins].mean()) if text else 0.0)
