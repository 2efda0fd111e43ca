"""Converts values of JSON and NumPy files to one element type of ONNX, and refuses a value that would change."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from .errors import RunRefused

#: of a tensor's elements, by onnxruntime's name; NumPy has no bfloat16, which ``bfloat16.py`` packs from float32
DTYPES: dict[str, np.dtype] = {
    "float16": np.dtype(np.float16),
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
    "bfloat16": np.dtype(np.float32),
    "int8": np.dtype(np.int8),
    "int16": np.dtype(np.int16),
    "int32": np.dtype(np.int32),
    "int64": np.dtype(np.int64),
    "uint8": np.dtype(np.uint8),
    "uint16": np.dtype(np.uint16),
    "uint32": np.dtype(np.uint32),
    "uint64": np.dtype(np.uint64),
    "bool": np.dtype(np.bool_),
    "string": np.dtype(object),
}

_NUMBERS = {bool, int, float}


def dtype_name(element: str) -> str:
    """Return NumPy's name of an element type, as results and signatures have it."""
    return element if element in ("string", "bfloat16") or element not in DTYPES else DTYPES[element].name


def to_array(value: object, name: str) -> np.ndarray:
    """Return nested lists as an array of Python objects, and an array as it is; ragged lists are refused."""
    if isinstance(value, np.ndarray):
        return value
    array = np.empty(_shape(value, name), dtype=object)
    if array.size:
        array[...] = np.array(value, dtype=object).reshape(array.shape)
    return array


def convert(array: np.ndarray, element: str, name: str) -> np.ndarray:
    """Return an array in an element type; raise RunRefused for a value that the type does not have.

    Precision may be lost in decimals. A missing value (null) is NaN where the type is decimal. Whole decimals are
    integers, and true and false are 1 and 0.
    """
    dtype = DTYPES[element]
    if array.dtype.hasobject:
        return _from_objects(array, dtype, name)
    if dtype.kind == "O":
        return _texts(array, name)
    if array.dtype.kind in "US":
        raise RunRefused(f"the input {name!r} takes {dtype.name}, not text.")
    if array.dtype.kind not in "fiub":
        raise RunRefused(f"the input {name!r} is not numeric.")
    return _from_numbers(array, dtype, name)


def _shape(value: object, name: str) -> tuple[int, ...]:
    shape: list[int] = []
    level: Sequence[object] = [value]
    while level and isinstance(level[0], list):
        sizes = {len(each) if isinstance(each, list) else -1 for each in level}
        if len(sizes) > 1:
            raise RunRefused(f"the input {name!r} is not an array: its lists differ in length.")
        shape += sizes
        level = [item for each in level for item in each]  # type: ignore[attr-defined]
        if len(shape) > 32:
            raise RunRefused(f"the input {name!r} has more than 32 dimensions.")
    if any(isinstance(each, list) for each in level):
        raise RunRefused(f"the input {name!r} is not an array: its lists differ in length.")
    return tuple(shape)


def _from_objects(array: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    values = array.ravel().tolist()
    kinds = {type(value) for value in values}
    if dtype.kind == "O":
        _only(kinds, {str}, f"the input {name!r} takes text")
        check_encodes(values, name)
        return array
    if kinds & {str, dict}:
        raise RunRefused(f"the input {name!r} takes {dtype.name}, not {_kind(kinds & {str, dict})}.")
    if dtype.kind == "f":
        return _decimals(values, dtype, name).reshape(array.shape)
    if type(None) in kinds:
        raise RunRefused(f"the input {name!r} has a missing value (null); its type {dtype.name} has none.")
    whole = _whole(values, dtype, name)
    return np.array(whole, dtype=dtype).reshape(array.shape)


def _decimals(values: Iterable[object], dtype: np.dtype, name: str) -> np.ndarray:
    try:
        exact = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    except OverflowError as error:
        raise _too_large(name, dtype) from error
    return _from_numbers(exact, dtype, name)


def _whole(values: Iterable[object], dtype: np.dtype, name: str) -> list[int]:
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    whole = []
    for value in values:
        if isinstance(value, float) and not value.is_integer():
            raise RunRefused(f"the input {name!r} takes {dtype.name}; {value} is not a whole number.")
        whole.append(int(value))  # type: ignore[call-overload]
    if whole and (min(whole) < low or max(whole) > high):
        raise _too_large(name, dtype)
    return whole


def _from_numbers(array: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        converted = np.ascontiguousarray(array.astype(dtype)).reshape(array.shape)
        if dtype.kind == "f":
            fits = np.isfinite(converted) | ~np.isfinite(array)
        else:
            fits = (converted == array) & _in_range(array, dtype)
    if fits.all():
        return converted
    wrong = array[~fits].ravel()[0]
    if dtype.kind in "iu" and array.dtype.kind == "f" and not float(wrong).is_integer():
        raise RunRefused(f"the input {name!r} takes {dtype.name}; {wrong} is not a whole number.")
    raise _too_large(name, dtype)


def _in_range(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return where a number is in an integer type's range; a cast beyond it may come back equal by rounding."""
    if array.dtype.kind != "f" or dtype.kind == "b":
        return np.ones(array.shape, dtype=np.bool_)
    bounds = np.iinfo(dtype)
    return (array >= float(bounds.min)) & (array < float(bounds.max) + 1.0)


def _texts(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype.kind != "S":
        raise RunRefused(f"the input {name!r} takes text, not {array.dtype.name}.")
    try:
        return np.char.decode(array, "utf-8").astype(object)
    except UnicodeDecodeError as error:
        raise RunRefused(f"the input {name!r} takes text in UTF-8.") from error


def check_encodes(texts: Iterable[str], name: str) -> None:
    """Raise RunRefused for a text that has half of a surrogate pair, which no encoding has."""
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError as error:
        raise RunRefused(f"the input {name!r} has a text that is not valid Unicode.") from error


def _only(kinds: set[type], allowed: set[type], message: str) -> None:
    if kinds - allowed:
        raise RunRefused(f"{message}, not {_kind(kinds - allowed)}.")


def _kind(kinds: set[type]) -> str:
    words = {str: "text", dict: "an object", type(None): "a missing value (null)", bool: "true and false"}
    return " and ".join(sorted({words.get(kind, "numbers") for kind in kinds}))


def _too_large(name: str, dtype: np.dtype) -> RunRefused:
    return RunRefused(f"the input {name!r} has numbers too large for {dtype.name}.")
