"""Generates inputs of the types and shapes that a model states, to try whether it runs. Equal models get equal ones."""

import math
import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from .element import DTYPES
from .model_input import ModelInput, Size

_SIZES = (1, 2, 3, 4, 8, 16, 32, 64, 128, 224, 256, 384, 512, 640)  #: of free dimensions, tried in this order
_MAX_ELEMENTS = 1 << 24
_KEYS = ("a", "b")


def generated_inputs(inputs: Sequence[ModelInput]) -> Iterator[dict[str, object]]:
    """Yield values for all inputs: a free first dimension is 1, all other free ones have one size."""
    free = any(not isinstance(size, int) for each in inputs for size in each.shape[1:])
    unknown = any(not each.shape for each in inputs)
    for size in _SIZES if free or unknown else _SIZES[:1]:
        for rank in (1, 2, 0, 3, 4) if unknown else (0,):
            for integer in (1, 0):
                shapes = [_shape(each, size, rank) for each in inputs]
                if sum(math.prod(shape) for shape in shapes) <= _MAX_ELEMENTS:
                    pairs = zip(inputs, shapes, strict=True)
                    yield {each.name: _value(each, shape, integer) for each, shape in pairs}


def _shape(given: ModelInput, size: int, rank: int) -> tuple[int, ...]:
    if not given.shape:
        return (1, *(size,) * (rank - 1))[:rank]
    return tuple(_size(each, place, len(given.shape), size) for place, each in enumerate(given.shape))


def _size(stated: Size, place: int, rank: int, size: int) -> int:
    if isinstance(stated, int):
        return stated
    if place == 0:
        return 1
    return 3 if rank == 4 and place == 1 else size  # channels of a picture


def _value(given: ModelInput, shape: tuple[int, ...], integer: int) -> object:
    if given.is_map:
        whole = given.kind.startswith("map(int64")
        values = _array(given, (len(_KEYS),), integer).tolist()
        return dict(zip(range(len(_KEYS)) if whole else _KEYS, values, strict=True))
    array = _array(given, shape, integer)
    return [array] if given.kind.startswith("seq(") else array


def _array(given: ModelInput, shape: tuple[int, ...], integer: int) -> np.ndarray:
    dtype = DTYPES[given.element]
    if dtype.kind == "O":
        return np.full(shape, "a", dtype=object)
    if dtype.kind == "f":
        return np.random.default_rng(zlib.crc32(given.name.encode())).random(shape).astype(dtype)
    return np.full(shape, integer, dtype=dtype)
