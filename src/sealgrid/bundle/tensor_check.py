"""Compares a file of tensors (JSON, .npy, .npz) with a model's public signature, without NumPy.

It refuses only what the app would refuse too: content that it cannot judge, such as a map, passes.
"""

import ast
import io
import json
import math
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sealgrid.bundle.archive import BROKEN
from sealgrid.bundle.input_words import join_words, quoted
from sealgrid.bundle.json_table import TableFault, as_table
from sealgrid.bundle.media_types import JSON, NPY, NPZ
from sealgrid.bundle.model_signature import ModelSignature, TensorSpec

MAX_JSON_BYTES: Final = 16 << 20  #: of a file that is parsed here; a larger one passes
MAX_EXAMPLE_VALUES: Final = 10_000  #: of all inputs together
MAX_DIMENSIONS: Final = 32  #: of an array; a file with more is refused
_NPY_MAGIC: Final = b"\x93NUMPY"
_MAX_HEADER: Final = 10_000  #: bytes of a .npy file's header, as NumPy reads it
_PREAMBLE: Final = 12  #: bytes before that header, at most
_NUMBERS: Final = ("float", "bfloat", "int", "uint", "double", "half")
_WHOLE: Final = ("int", "uint")
_NO_TENSORS: Final = ("map(", "sequence(", "seq(", "optional(")
_WRAPPERS: Final = {"dataframe_split", "dataframe_records", "instances", "inputs"}  #: as onnx-runner takes them


@dataclass(frozen=True, slots=True)
class _Array:
    """What is known of an array without its numbers."""

    shape: tuple[int, ...]
    has_text: bool = False
    has_fraction: bool = False  #: a decimal number that is not whole
    has_number: bool = False  #: a number, or true or false
    has_missing: bool = False  #: null or NaN
    has_object: bool = False  #: of JSON


class _Unfit(Exception):
    """The reason why a file is not a set of tensors, in words."""


def tensor_fault(signature: ModelSignature, kind: str, content: bytes) -> str | None:
    """Return why a file of this media type cannot be the inputs of a model with this signature; else None."""
    try:
        arrays = _arrays(kind, content, signature.inputs)
        if arrays is None:
            return None
        return next(
            (fault for spec in signature.inputs if (fault := _array_fault(spec, arrays[spec.name]))),
            None,
        )
    except _Unfit as unfit:
        return str(unfit)


def example_tensors(signature: ModelSignature) -> bytes | None:
    """Return a small JSON file with a value for each input, each free dimension being 1, or None.

    It is None for an input that has no value in JSON, for more than ``MAX_EXAMPLE_VALUES`` in total, and for more
    than ``MAX_DIMENSIONS``. The numbers are placeholders: they show the form, not a sensible input.
    """
    if not signature.inputs or not all(_is_plain(spec) for spec in signature.inputs):
        return None
    shapes = [[size if isinstance(size, int) else 1 for size in spec.shape or ()] for spec in signature.inputs]
    counts = [math.prod(shape) for shape in shapes]
    if 0 in counts or sum(counts) > MAX_EXAMPLE_VALUES:
        return None
    content = {spec.name: _filled(spec, shape) for spec, shape in zip(signature.inputs, shapes, strict=True)}
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def _is_plain(spec: TensorSpec) -> bool:
    is_known = spec.dtype in {"string", "bool"} or spec.dtype.startswith(_NUMBERS)
    return is_known and spec.shape is not None and len(spec.shape) <= MAX_DIMENSIONS


def _filled(spec: TensorSpec, shape: Sequence[int]) -> Any:
    if shape:
        return [_filled(spec, shape[1:]) for _ in range(shape[0])]
    if spec.dtype == "string":
        return "text"
    return False if spec.dtype == "bool" else 0 if spec.dtype.startswith(_WHOLE) else 0.5


def _arrays(kind: str, content: bytes, inputs: Sequence[TensorSpec]) -> Mapping[str, _Array] | None:
    """Return an array for each input by name; None for content in a form that is not judged here."""
    if any(spec.dtype.startswith(_NO_TENSORS) for spec in inputs):
        return None
    if kind == NPY:
        return _by_name(inputs, _npy_array(content))
    if kind == NPZ:
        return _named(inputs, _npz_arrays(content))
    return _json_arrays(content, inputs) if kind == JSON and len(content) <= MAX_JSON_BYTES else None


def _json_arrays(content: bytes, inputs: Sequence[TensorSpec]) -> Mapping[str, _Array] | None:
    try:
        document = json.loads(content, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None  # the check of the content says what is wrong with it
    names = [spec.name for spec in inputs]
    document = _unwrapped(document, names)
    try:
        table = as_table(document, names)
    except TableFault as fault:
        raise _Unfit(str(fault)) from fault
    if table is not None:
        if len(names) == 1 and table.columns != (names[0],):
            return {names[0]: _json_array(names[0], table.rows)}
        document = table.by_column()
    if isinstance(document, Mapping):
        return _named(inputs, {name: _json_array(name, value) for name, value in document.items()})
    return _by_name(inputs, _json_array(names[0] if names else "", document))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise _Unfit(f"it has two values for {quoted(twice)}")
    return content


def _unwrapped(document: object, names: Sequence[str]) -> object:
    """Return what servers of models wrap in an object of one name."""
    if isinstance(document, dict) and len(document) == 1:
        (key, value), *_ = document.items()
        if key in _WRAPPERS and key not in names:
            return value
    return document


def _by_name(inputs: Sequence[TensorSpec], array: _Array) -> Mapping[str, _Array]:
    if len(inputs) != 1:
        names = join_words([quoted(spec.name) for spec in inputs], "and")
        raise _Unfit(f"the model has {len(inputs)} inputs; name them: {names}")
    return {inputs[0].name: array}


def _named(inputs: Sequence[TensorSpec], arrays: Mapping[str, _Array]) -> Mapping[str, _Array]:
    names = [spec.name for spec in inputs]
    taken = join_words([quoted(name) for name in names], "and")
    if unknown := sorted(arrays.keys() - set(names)):
        raise _Unfit(f"the model has no input {quoted(unknown[0])}; it takes {taken}")
    if missing := [name for name in names if name not in arrays]:
        raise _Unfit(f"the input {quoted(missing[0])} is missing; the model takes {taken}")
    return arrays


def _array_fault(spec: TensorSpec, array: _Array) -> str | None:
    name = quoted(spec.name)
    if spec.shape is not None and not _fits(spec.shape, array.shape):
        return f"the input {name} has the shape {list(array.shape)}; the model takes {spec.shape_text}"
    kinds = (  # in words, whether the array has it, the types that do not take it
        ("an object", array.has_object, ("",)),
        ("text", array.has_text, (*_NUMBERS, "bool")),
        ("decimals", array.has_fraction, (*_WHOLE, "bool")),
        ("numbers", array.has_number, ("string",)),
        ("a missing value", array.has_missing, (*_WHOLE, "bool", "string")),
    )
    found = next((what for what, is_there, types in kinds if is_there and spec.dtype.startswith(types)), None)
    if found is None:
        return None
    return f"the input {name} has {found}; the model takes {'text' if found == 'numbers' else spec.dtype}"


def _fits(expected: Sequence[int | str | None], shape: Sequence[int]) -> bool:
    """Return whether a shape is the expected one, or leaves out what onnx-runner adds: no rows, one row, one column.

    One value is a scalar, and an array where every size is 1 or free.
    """
    if not expected or not shape:
        return math.prod(shape) == 1 and all(not isinstance(size, int) or size == 1 for size in expected)
    if len(shape) < len(expected) and shape and shape[-1] == 0:
        return True
    if shape and len(shape) + 1 == len(expected):
        one_row = not isinstance(expected[0], int) or expected[0] == 1
        return (one_row and _is(expected[1:], shape)) or (expected[-1] == 1 and _is(expected[:-1], shape))
    return _is(expected, shape)


def _is(expected: Sequence[int | str | None], shape: Sequence[int]) -> bool:
    if len(expected) != len(shape):
        return False
    return all(not isinstance(size, int) or size == given for size, given in zip(expected, shape, strict=True))


def _json_array(name: str, value: object) -> _Array:
    """Return the shape of nested lists and what is in them; raise _Unfit for lists of different lengths or too deep."""
    shape: list[int] = []
    level = value
    while isinstance(level, list):
        if len(shape) == MAX_DIMENSIONS:
            raise _Unfit(f"the input {quoted(name)} has more than {MAX_DIMENSIONS} dimensions")
        shape.append(len(level))
        level = level[0] if level else None
    leaves = list(_leaves(name, value, shape))
    return _Array(
        tuple(shape),
        has_text=any(isinstance(leaf, str) for leaf in leaves),
        has_fraction=any(isinstance(leaf, float) and math.isfinite(leaf) and leaf % 1 for leaf in leaves),
        has_number=any(isinstance(leaf, bool | int | float) and not _is_missing(leaf) for leaf in leaves),
        has_missing=any(_is_missing(leaf) for leaf in leaves),
        has_object=any(isinstance(leaf, dict) for leaf in leaves),
    )


def _is_missing(leaf: object) -> bool:
    return leaf is None or (isinstance(leaf, float) and math.isnan(leaf))


def _leaves(name: str, value: object, shape: Sequence[int]) -> Iterator[object]:
    if not shape:
        if isinstance(value, list):
            raise _Unfit(f"the input {quoted(name)} is not an array: its lists differ in length")
        yield value
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        raise _Unfit(f"the input {quoted(name)} is not an array: its lists differ in length")
    for each in value:
        yield from _leaves(name, each, shape[1:])


def _npy_array(content: bytes) -> _Array:
    """Return what the header of a .npy file states (NEP 1); raise _Unfit for a damaged one or a pickle."""
    try:
        major = content[6]
        length_size = 2 if major == 1 else 4
        length = int(struct.unpack("<H" if major == 1 else "<I", content[8 : 8 + length_size])[0])
        start = 8 + length_size
        header = ast.literal_eval(content[start : start + min(length, _MAX_HEADER)].decode("latin-1").strip())
        descr, shape = header["descr"], tuple(header["shape"])
    except (
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        SyntaxError,
        struct.error,
        RecursionError,
        MemoryError,
    ) as error:
        raise _Unfit("it is a damaged NumPy file") from error
    if length > _MAX_HEADER or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise _Unfit("it is a damaged NumPy file")
    if len(shape) > MAX_DIMENSIONS:
        raise _Unfit(f"it has more than {MAX_DIMENSIONS} dimensions")
    if not isinstance(descr, str):
        raise _Unfit("it has records with fields; give one array for each input")
    if "O" in descr:
        raise _Unfit("it has Python objects (a pickle), which run code and are refused; save plain numbers")
    return _Array(shape, has_text=descr[1:2] in {"U", "S"}, has_number=descr[1:2] in set("biufc"))


def _npz_arrays(content: bytes) -> dict[str, _Array]:
    arrays = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as member:
                    start = member.read(_PREAMBLE + _MAX_HEADER)
                if start.startswith(_NPY_MAGIC):
                    arrays[entry.filename.removesuffix(".npy")] = _npy_array(start)
    except BROKEN as error:
        raise _Unfit("it is a damaged NumPy archive") from error
    return arrays
