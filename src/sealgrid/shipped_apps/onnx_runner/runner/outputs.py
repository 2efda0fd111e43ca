"""The outputs of a model: from onnxruntime's values, as JSON for people and contracts, as NumPy archive in full."""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .element import DTYPES
from .errors import RunRefused

_MAX_NAME = 60_000  #: bytes; a zip archive has at most 65,535
MAX_LISTED = 10_000  #: values; a larger output is in outputs.npz alone


@dataclass(frozen=True)
class TensorOutput:
    """A tensor; that of a classifier's maps has a class for each place of the last axis."""

    array: np.ndarray
    classes: tuple[int | str, ...] = ()


@dataclass(frozen=True)
class SequenceOutput:
    """A sequence of tensors."""

    arrays: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class EmptyOutput:
    """An optional output without a value."""


Output = TensorOutput | SequenceOutput | EmptyOutput


def from_value(value: object, name: str, kind: str) -> Output:
    """Return a value of onnxruntime, of the type ``kind``: a tensor, a list of tensors, a list of maps, one map, none.

    Raises RunRefused for any other value.
    """
    if value is None:
        return EmptyOutput()
    if isinstance(value, np.ndarray):
        return TensorOutput(_plain(value))
    if isinstance(value, dict):
        rows = _matrix([value], _map_dtype(kind))
        return TensorOutput(rows.array[0], rows.classes)
    if isinstance(value, list) and "map(" in kind and all(isinstance(each, dict) for each in value):
        return _matrix(value, _map_dtype(kind))
    if isinstance(value, list) and all(isinstance(each, np.ndarray) for each in value):
        return SequenceOutput(tuple(_plain(each) for each in value))
    raise RunRefused(f"the output {name!r} is a {kind} that this app cannot write.")


def _matrix(maps: Sequence[Mapping[int | str, object]], dtype: np.dtype) -> TensorOutput:
    """Return maps of classes to values as a matrix of a row for each map; a class that a map lacks is NaN there."""
    classes = tuple(dict.fromkeys(key for each in maps for key in each))
    has_gaps = any(len(each) < len(classes) for each in maps)
    rows = [[each.get(key, np.nan) for key in classes] for each in maps]
    values = np.array(rows, dtype=np.float64 if has_gaps and dtype.kind in "iu" else dtype)
    return TensorOutput(_plain(values.reshape(len(maps), len(classes))), classes)


def _map_dtype(kind: str) -> np.dtype:
    found = re.search(r"tensor\((\w+)\)", kind)
    return DTYPES[found[1]] if found else np.dtype(object)


def _plain(array: np.ndarray) -> np.ndarray:
    # onnxruntime returns texts as Python objects, which NumPy would write as a pickle.
    return array.astype(np.str_) if array.dtype.hasobject else array


def to_npz(outputs: Mapping[str, Output]) -> bytes:
    """Return NumPy's archive of the outputs; equal ones give equal bytes. Raises RunRefused for names of no archive."""
    members = [each for name, output in outputs.items() for each in _members(name, output)]
    if len({name for name, _ in members}) < len(members):
        raise RunRefused("two parts of the outputs have the same name; choose some with --outputs.")
    if any(len(name.encode()) > _MAX_NAME for name, _ in members):
        raise RunRefused("an output has a name that is too long for a file; give the outputs shorter names.")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, array in members:
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return target.getvalue()


def _members(name: str, output: Output) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(output, TensorOutput):
        yield name, output.array
        if output.classes:
            yield f"{name}.classes", np.array(output.classes)
    elif isinstance(output, SequenceOutput):
        yield from ((f"{name}.{place}", array) for place, array in enumerate(output.arrays))


def describe(outputs: Mapping[str, Output], npz: bytes, top: int | None) -> dict[str, object]:
    """Return the content of result.json; its digest of outputs.npz makes it stand for both files."""
    described = {name: _described(output, top) for name, output in outputs.items()}
    return {"outputs": described, "npz_sha256": hashlib.sha256(npz).hexdigest()}


def _described(output: Output, top: int | None) -> dict[str, object]:
    if isinstance(output, EmptyOutput):
        return {"values": None}
    if isinstance(output, SequenceOutput):
        return {"sequence": [_tensor(array, (), top) for array in output.arrays]}
    return _tensor(output.array, output.classes, top)


def _tensor(array: np.ndarray, classes: Sequence[int | str], top: int | None) -> dict[str, object]:
    kind = "string" if array.dtype.kind == "U" else array.dtype.name
    described: dict[str, object] = {"dtype": kind, "shape": list(array.shape)}
    if classes:
        described["classes"] = list(classes)
    if array.size <= MAX_LISTED:
        described["values"] = _values(array)
    if top is not None and array.ndim and array.dtype.kind in "fiu":
        described |= _top(array, classes, top)
    return described


def _values(array: np.ndarray) -> object:
    if array.dtype.kind != "f":
        return array.tolist()
    values = array.astype(object)
    values[~np.isfinite(array)] = None  # JSON has no NaN and no infinity
    return values.tolist()


def _top(array: np.ndarray, classes: Sequence[int | str], count: int) -> dict[str, object]:
    """Return the highest values along the last axis, highest first; equal ones by position."""
    ranked = np.where(np.isnan(array), -np.inf, array) if array.dtype.kind == "f" else array
    last = array.shape[-1] - 1
    places = (last - np.argsort(ranked[..., ::-1], axis=-1, kind="stable"))[..., ::-1][..., :count]
    if places.size > MAX_LISTED:
        return {}
    top = {"places": places.tolist(), "values": _values(np.take_along_axis(array, places, axis=-1))}
    if classes:
        top["classes"] = np.array(classes, dtype=object)[places].tolist()
    return {"top": top}
