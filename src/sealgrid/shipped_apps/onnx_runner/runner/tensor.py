"""Specification of a model's input: name, shape and type."""

from dataclasses import dataclass

import numpy as np

from .errors import RunRefused

DTYPES = {
    "tensor(float16)": np.float16,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
    "tensor(uint32)": np.uint32,
    "tensor(uint64)": np.uint64,
    "tensor(bool)": np.bool_,
}

_ACCEPTED = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}  #: NumPy kinds that convert to each kind


@dataclass(frozen=True)
class Tensor:
    """One input of a model."""

    name: str
    kind: str  #: onnxruntime's name of the type
    shape: tuple[int | str | None, ...]  #: a name or None stands for any size; empty for a scalar or an unknown shape

    def convert(self, array: np.ndarray) -> np.ndarray:
        """Return the array in the model's type; raise RunRefused if its shape or its numbers do not fit."""
        self._check_shape(array)
        if self.kind not in DTYPES:
            raise RunRefused(f"the model's input {self.name!r} is a {self.kind}; this app takes tensors of numbers.")
        dtype = np.dtype(DTYPES[self.kind])
        if array.dtype.kind not in "fiub":
            raise RunRefused(f"the input {self.name!r} is not numeric.")
        if array.dtype.kind not in _ACCEPTED[dtype.kind]:
            raise RunRefused(f"the input {self.name!r} takes {dtype.name}, not {array.dtype.name}.")
        with np.errstate(over="ignore"):
            converted = np.ascontiguousarray(array.astype(dtype)).reshape(array.shape)
        fits = np.isfinite(converted) | ~np.isfinite(array) if dtype.kind == "f" else converted == array
        if not fits.all():
            raise RunRefused(f"the input {self.name!r} has numbers too large for {dtype.name}.")
        return converted

    def _check_shape(self, array: np.ndarray) -> None:
        if not self.shape:  # onnxruntime checks these itself
            return
        shape = f"[{', '.join('any' if size is None else str(size) for size in self.shape)}]"
        if array.ndim != len(self.shape):
            raise RunRefused(f"the input {self.name!r} has {array.ndim} dimensions; the model takes {shape}.")
        for expected, size in zip(self.shape, array.shape, strict=True):
            if isinstance(expected, int) and expected != size:
                raise RunRefused(f"the input {self.name!r} has the shape {list(array.shape)}; the model takes {shape}.")
