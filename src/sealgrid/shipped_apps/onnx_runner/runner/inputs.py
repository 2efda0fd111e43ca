"""Reads the requester's JSON or NumPy file into the inputs of a model. Pickles are refused: they run code."""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import RunRefused
from .model_input import ModelInput
from .tables import as_table, quoted

#: iExec names input files after their address, so the format is detected from the content
_NUMPY = (b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06", b"\x80")  # .npy, .npz, empty .npz, pickle
#: of MLflow's and TensorFlow's servers
_WRAPPERS = ("dataframe_split", "dataframe_records", "instances", "inputs")


@dataclass(frozen=True)
class GivenInputs:
    """The inputs of one run."""

    values: dict[str, object]  #: by name, in the model's types
    notes: tuple[str, ...] = ()  #: how the file was understood, where that is not evident


def read_inputs(path: Path, inputs: Sequence[ModelInput]) -> GivenInputs:
    """Return a value for every input of the model; raise RunRefused for a file that does not fit it."""
    with path.open("rb") as file:
        content = _read_numpy(path) if file.read(8).startswith(_NUMPY) else _read_json(path)
    names = [each.name for each in inputs]
    named, notes = _by_input(_unwrapped(content, names), inputs)
    if unknown := named.keys() - set(names):
        raise RunRefused(f"the model has no input {quoted(unknown)}; it takes {quoted(names)}.")
    if missing := set(names) - named.keys():
        raise RunRefused(f"the input {quoted(missing)} is missing.")
    return GivenInputs({each.name: each.convert(named[each.name]) for each in inputs}, notes)


def _unwrapped(content: object, names: Sequence[str]) -> object:
    if isinstance(content, dict) and len(content) == 1:
        (key, value), *_ = content.items()
        if key in _WRAPPERS and key not in names:
            return value
    return content


def _by_input(content: object, inputs: Sequence[ModelInput]) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """Return the values by the inputs' names, and how columns became one input."""
    names = [each.name for each in inputs]
    one = inputs[0] if len(inputs) == 1 else None
    if one is not None and one.is_map:
        return _map_of(content, one), ()
    table = None if any(each.is_map for each in inputs) else as_table(content, names)
    if table is not None:
        if one is not None and table.columns != (one.name,):
            note = f"the columns {', '.join(table.columns)} became {one.name}, in this order"
            return {one.name: table.rows}, (note,)
        return {column: [row[place] for row in table.rows] for place, column in enumerate(table.columns)}, ()
    if isinstance(content, Mapping):
        return content, ()
    if one is None:
        raise RunRefused(f"the model has {len(inputs)} inputs; name them: {quoted(names)}.")
    return {one.name: content}, ()


def _map_of(content: object, only: ModelInput) -> Mapping[str, object]:
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if isinstance(content, dict) and set(content) == {only.name} and isinstance(content[only.name], dict):
        return content
    return {only.name: content}


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
        return json.loads(
            path.read_bytes(), object_pairs_hook=_object
        )  # UTF-8, UTF-16 or UTF-32, with a mark or without
    except (ValueError, RecursionError) as error:
        where = f": line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise RunRefused(f"the input is neither JSON nor a NumPy file (.npy or .npz){where}.") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RunRefused(f"the input has two values for {twice!r}.")
    return content
