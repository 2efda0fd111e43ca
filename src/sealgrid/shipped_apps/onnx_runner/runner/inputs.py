"""Reads the requester's JSON or NumPy file into the inputs of a model. Pickles are refused: they run code."""

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
    """Return an array for every input of the model, by name; raise RunRefused for a file that does not fit it."""
    with path.open("rb") as file:
        content = _read_numpy(path) if file.read(8).startswith(_NUMPY) else _read_json(path)
    names = {tensor.name for tensor in tensors}
    if not isinstance(content, Mapping):
        if len(tensors) != 1:
            raise RunRefused(f"the model has {len(tensors)} inputs; name them: {_list(names)}.")
        content = {tensors[0].name: content}
    if unknown := content.keys() - names:
        raise RunRefused(f"the model has no input {_list(unknown)}; it takes {_list(names)}.")
    if missing := names - content.keys():
        raise RunRefused(f"the input {_list(missing)} is missing.")
    arrays = {}
    for tensor in tensors:
        try:
            array = np.asarray(content[tensor.name])
        except (ValueError, OverflowError) as error:
            raise RunRefused(f"the input {tensor.name!r} is not an array: its lists differ in length.") from error
        arrays[tensor.name] = tensor.convert(array)
    return arrays


def _read_numpy(path: Path) -> object:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (ValueError, EOFError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise RunRefused(
            "the input is not a NumPy file of plain numbers (damaged, or a pickle, which is refused)."
        ) from error


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RunRefused("the input is neither JSON nor a NumPy file (.npy or .npz).") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _list(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
