"""Specification of a model's input, tensor, sequence or map, and the conversion of a given value to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .element import DTYPES, check_encodes, convert, dtype_name, to_array
from .errors import RunRefused

Size = int | str | None

_TENSOR = re.compile(r"tensor\((\w+)\)")
_SEQUENCE = re.compile(r"seq\(tensor\((\w+)\)\)")
_MAP = re.compile(r"map\((int64|string),tensor\((\w+)\)\)")
_OPTIONAL = re.compile(r"optional\((.*)\)")


@dataclass(frozen=True)
class ModelInput:
    """One input of a model."""

    name: str
    kind: str  #: onnxruntime's name of the type, as "tensor(float)"
    shape: tuple[Size, ...]  #: a name or None stands for any size; empty for a scalar or an unknown shape

    @property
    def is_map(self) -> bool:
        """Whether it takes one map of names or numbers to values."""
        return _MAP.fullmatch(self.kind) is not None

    @property
    def element(self) -> str:
        """onnxruntime's name of the type of the elements, or the whole type where it has no other name."""
        found = re.search(r"tensor\((\w+)\)", self.kind)
        return found[1] if found else self.kind

    def check_supported(self) -> None:
        """Raise RunRefused for a type that no file can be converted to."""
        kinds = (_TENSOR, _SEQUENCE, _MAP)
        if self.element not in DTYPES or not any(kind.fullmatch(self.kind) for kind in kinds):
            raise RunRefused(
                f"the model's input {self.name!r} is a {self.kind}; this app takes tensors, sequences of tensors and "
                f"maps, of numbers or text."
            )

    def convert(self, value: object) -> object:
        """Return a value in the model's type; raise RunRefused if its shape or its elements do not fit."""
        self.check_supported()
        if self.is_map:
            return self._map(value)
        if _SEQUENCE.fullmatch(self.kind):
            if not isinstance(value, list):
                raise RunRefused(f"the input {self.name!r} takes a list of arrays.")
            return [convert(to_array(each, self.name), self.element, self.name) for each in value]
        array = _fitted(to_array(value, self.name), self.shape)
        self._check_shape(array)
        return convert(array, self.element, self.name)

    def _map(self, value: object) -> dict[object, object]:
        if not isinstance(value, Mapping):
            raise RunRefused(f"the input {self.name!r} takes one object of names and values, not {_kind(value)}.")
        found = _MAP.fullmatch(self.kind)
        assert found is not None, "is_map was asked"
        keys = list(value)
        check_encodes(keys, self.name)
        if found[1] == "int64":
            if wrong := [key for key in keys if not re.fullmatch(r"-?[0-9]{1,18}", key)]:
                raise RunRefused(f"the input {self.name!r} takes whole numbers as names; {wrong[0]!r} is none.")
            keys = [int(key) for key in keys]
        values = convert(to_array(list(value.values()), self.name), self.element, self.name)
        if values.ndim != 1:
            raise RunRefused(f"the input {self.name!r} takes one value for each name.")
        return dict(zip(keys, values.tolist(), strict=True))

    def _check_shape(self, array: np.ndarray) -> None:
        if not self.shape:  # onnxruntime checks these itself
            return
        shape = f"[{', '.join('any' if size is None else str(size) for size in self.shape)}]"
        if array.ndim != len(self.shape):
            raise RunRefused(f"the input {self.name!r} has {array.ndim} dimensions; the model takes {shape}.")
        if not _fits(array.shape, self.shape):
            raise RunRefused(f"the input {self.name!r} has the shape {list(array.shape)}; the model takes {shape}.")

    def describe(self) -> dict[str, object]:
        """Return the input as a model's signature has it; null for a scalar or an unknown shape."""
        names = self.kind.replace("seq(", "sequence(")
        dtype = re.sub(r"tensor\((\w+)\)", lambda found: dtype_name(found[1]), names)
        return {"name": self.name, "dtype": dtype, "shape": list(self.shape) or None}


def _fitted(array: np.ndarray, shape: tuple[Size, ...]) -> np.ndarray:
    """Return an array with the dimensions that a person leaves out: of no rows, one row, one column, one value."""
    if array.ndim >= len(shape):
        return array
    if not array.ndim and all(size in {1, None} or isinstance(size, str) for size in shape):
        return array.reshape((1,) * len(shape))
    if array.ndim and array.shape[-1] == 0:
        rest = tuple(size if isinstance(size, int) else 0 for size in shape[array.ndim :])
        return np.empty((*array.shape, *rest), dtype=array.dtype)
    if array.ndim + 1 == len(shape):
        if (shape[0] in (1, None) or isinstance(shape[0], str)) and _fits(array.shape, shape[1:]) and array.ndim:
            return array[np.newaxis]
        if shape[-1] == 1 and _fits(array.shape, shape[:-1]) and array.ndim:
            return array[..., np.newaxis]
    return array


def _fits(sizes: tuple[int, ...], shape: tuple[Size, ...]) -> bool:
    pairs = zip(shape, sizes, strict=True)
    return all(not isinstance(expected, int) or expected == size for expected, size in pairs)


def _kind(value: object) -> str:
    return "a list" if isinstance(value, list) else "an array" if isinstance(value, np.ndarray) else "a single value"
