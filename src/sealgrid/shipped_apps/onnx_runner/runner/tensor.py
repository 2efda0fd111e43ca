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

_TAKES = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}  #: kinds of numbers that become another without a guess


@dataclass(frozen=True)
class Tensor:
    """One input of a model."""

    name: str
    kind: str  #: onnxruntime's word for the type
    shape: tuple[int | str | None, ...]  #: a name or None stands for any size; empty for a scalar or an unknown shape

    def take(self, array: np.ndarray) -> np.ndarray:
        """Return the array as the model wants it; raise RunRefused when its shape or its numbers do not fit."""
        self._check_shape(array)
        dtype = np.dtype(self._dtype())
        if array.dtype.kind not in "fiub":
            raise RunRefused(f"the input {self.name!r} is not numeric.")
        if array.dtype.kind not in _TAKES[dtype.kind]:
            raise RunRefused(f"the input {self.name!r} takes {dtype.name}, not {array.dtype.name}.")
        return self._cast(array, dtype)

    def _check_shape(self, array: np.ndarray) -> None:
        if not self.shape:  # onnxruntime checks these itself
            return
        if array.ndim != len(self.shape):
            raise RunRefused(f"the input {self.name!r} has {array.ndim} dimensions; the model takes {self.wanted}.")
        for wanted, size in zip(self.shape, array.shape, strict=True):
            if isinstance(wanted, int) and wanted != size:
                raise RunRefused(
                    f"the input {self.name!r} has the shape {list(array.shape)}; the model takes {self.wanted}."
                )

    def _dtype(self) -> type[np.generic]:
        if self.kind not in DTYPES:
            raise RunRefused(f"the model's input {self.name!r} is a {self.kind}; this app takes tensors of numbers.")
        return DTYPES[self.kind]

    def _cast(self, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
        with np.errstate(over="ignore"):
            cast = np.ascontiguousarray(array.astype(dtype)).reshape(array.shape)
        whole = np.isfinite(cast) | ~np.isfinite(array) if dtype.kind == "f" else cast == array
        if not whole.all():
            raise RunRefused(f"the input {self.name!r} holds numbers too large for {dtype.name}.")
        return cast

    @property
    def wanted(self) -> str:
        """Return the shape as a person reads it, such as [N, 3, 224, 224]."""
        return f"[{', '.join('any' if size is None else str(size) for size in self.shape)}]"
