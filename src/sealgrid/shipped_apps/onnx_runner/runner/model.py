"""An ONNX model: its inputs, its outputs, and a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .errors import RunRefused
from .onnx_session import ERRORS, open_session
from .tensor import DTYPES, Tensor

_WRITABLE = {*DTYPES, "tensor(string)"}


class OnnxModel:
    """A model that is ready to run; raises RunRefused if the file is not an ONNX model."""

    def __init__(self, path: Path) -> None:
        try:
            self._session = open_session(path)
        except ERRORS as error:
            raise RunRefused("the dataset is not an ONNX model that onnxruntime can open.") from error
        self.inputs = tuple(Tensor(node.name, node.type, tuple(node.shape)) for node in self._session.get_inputs())
        self._outputs = {node.name: node.type for node in self._session.get_outputs()}

    def choose(self, names: Sequence[str]) -> list[str]:
        """Return the outputs to compute: the named ones, or all tensors if none is named."""
        for name in names:
            if name not in self._outputs:
                raise RunRefused(f"the model has no output {name!r}; it has {', '.join(map(repr, self._outputs))}.")
            if self._outputs[name] not in _WRITABLE:
                raise RunRefused(f"the output {name!r} is a {self._outputs[name]}, not a tensor; it cannot be written.")
        chosen = list(dict.fromkeys(names)) or [name for name, kind in self._outputs.items() if kind in _WRITABLE]
        if not chosen:
            raise RunRefused("the model has no output that can be written as a tensor.")
        return chosen

    def run(self, inputs: dict[str, np.ndarray], outputs: list[str]) -> dict[str, np.ndarray]:
        """Return the chosen outputs by name."""
        try:
            computed = self._session.run(outputs, inputs)
        except ERRORS as error:
            raise RunRefused(f"the model does not run on this input: {error}") from error
        # onnxruntime returns texts as Python objects, which NumPy would write as a pickle.
        arrays = (array.astype(np.str_) if array.dtype.hasobject else array for array in computed)
        return dict(zip(outputs, arrays, strict=True))
