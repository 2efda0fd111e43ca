"""Reads the requester's JSON or NumPy file into the inputs of a model. Never a pickle: those run code."""

import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from .errors import RunRefused
from .tensor import Tensor

#: iExec names input files after their address, so the format is detected from the content
_NUMPY = (b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06", b"\x80")  # .npy, .npz, empty .npz, pickle


def read_inputs(path: Path, tensors: Sequence[Tensor]) -> dict[str, np.ndarray]:
    """Return name -> array for every input of the model; raise RunRefused for a file that does not fit it."""
    with path.open("rb") as file:
        given = _read_numpy(path) if file.read(8).startswith(_NUMPY) else _read_json(path)
    named = given if isinstance(given, Mapping) else {_only(tensors).name: given}
    _check_names(set(named), {tensor.name for tensor in tensors})
    return {tensor.name: tensor.take(_to_array(tensor.name, named[tensor.name])) for tensor in tensors}


def _read_numpy(path: Path) -> object:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise RunRefused(
            "the input is no NumPy file of plain numbers (damaged, or a pickle, which is refused)."
        ) from error


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RunRefused("the input is neither JSON nor a NumPy file (.npy or .npz).") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _only(tensors: Sequence[Tensor]) -> Tensor:
    if len(tensors) != 1:
        raise RunRefused(f"the model has {len(tensors)} inputs; name them: {_list(tensor.name for tensor in tensors)}.")
    return tensors[0]


def _check_names(given: set[str], tensors: set[str]) -> None:
    if unknown := given - tensors:
        raise RunRefused(f"the model has no input {_list(unknown)}; it takes {_list(tensors)}.")
    if missing := tensors - given:
        raise RunRefused(f"the input {_list(missing)} is missing.")


def _to_array(name: str, value: object) -> np.ndarray:
    try:
        return np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise RunRefused(f"the input {name!r} is no even box of numbers: its lists differ in length.") from error


def _list(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
