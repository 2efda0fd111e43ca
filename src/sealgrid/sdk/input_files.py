"""Turns what callers give as input files into names and contents: paths, bytes, open files, arrays, tables, mappings.

A text is always a path. Contents without a name of their own are called ``input``, with the suffix of their format.
"""

import io
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Final, Protocol

from sealgrid.errors import InputRefused
from sealgrid.sdk.file_names import is_utf8

STEM: Final = "input"  #: name of a content that has none
_BYTES = (bytes, bytearray, memoryview)
#: methods by which tables of pandas and polars write CSV, and JSON with one object a row
_TABLE_METHODS: Final = ("to_csv", "write_csv")


class ReadableFile(Protocol):
    """An open file, of bytes or of text, which is then written in UTF-8."""

    def read(self) -> bytes | str:
        """Return the rest of the file."""


class SupportsArray(Protocol):
    """A NumPy array, or anything that becomes one: a tensor, a series."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the array."""


class SupportsCsv(Protocol):
    """A table of pandas."""

    def to_csv(self, *args: Any, **kwargs: Any) -> Any:
        """Return the table as CSV."""


InputContent = str | os.PathLike[str] | bytes | bytearray | memoryview | ReadableFile | SupportsArray | SupportsCsv
InputFile = InputContent | tuple[str, InputContent]  #: a content, or a name and a content
InputFiles = InputFile | Mapping[str, Any] | Iterable[InputFile] | None  #: one, several, names with contents, or none


def read_files(files: Sequence[InputFile], media_types: Sequence[str] = ()) -> list[tuple[str, bytes]]:
    """Return the name and the content of each listed file; raise InputRefused for anything that is not a file.

    In a pair the suffix of the name selects the format of an array or a table (.npy, .csv, .json), and lists and
    dictionaries become JSON. A table without a name becomes CSV unless the app's ``media_types`` exclude it.
    """
    named: list[tuple[str, bytes]] = []
    for file in files:
        if isinstance(file, tuple) and len(file) == 2 and isinstance(file[0], str):
            named.append((file[0], _content(file[1], file[0])))
        else:
            name = _own_name(file)
            if name == STEM:
                name = _unused(named, f"{STEM}{_suffix(file, media_types)}")
            named.append((name, _content(file, name)))
    return named


def has_tables(files: Sequence[InputFile]) -> bool:
    """Return whether a table without a name is among listed files: its format depends on the app."""
    return any(_table_method(file) for file in files)


def list_files(files: InputFiles) -> tuple[InputFile, ...]:
    """Return the files as a list of single ones, names with contents as pairs; raise InputRefused for no file."""
    if files is None:
        return ()
    if isinstance(files, Mapping):
        return tuple((str(name), content) for name, content in files.items())
    given: Any = files
    single = isinstance(files, (str, os.PathLike, *_BYTES)) or _is_pair(files)
    if single or hasattr(files, "read") or hasattr(files, "__array__") or _table_method(files):
        return (given,)
    if isinstance(files, Iterable):
        return tuple(given)
    raise _not_a_file(files)


def _is_pair(files: object) -> bool:
    """Return whether this is one name with bytes or another content, not two paths."""
    return isinstance(files, tuple) and len(files) == 2 and isinstance(files[0], str) and not _is_path(files[1])


def _is_path(file: object) -> bool:
    return isinstance(file, (str, os.PathLike))


def _own_name(file: object) -> str:
    """Return the name of a path or of an open file, else ``STEM``."""
    if isinstance(file, (str, os.PathLike)):
        return _checked_name(Path(file).name, file)
    name = getattr(file, "name", None) if hasattr(file, "read") else None
    return _checked_name(PurePath(name).name, name) if isinstance(name, str) and name[:1] not in {"", "<"} else STEM


def _checked_name(name: str, file: object) -> str:
    if not is_utf8(name):
        raise InputRefused(
            f"the name of {str(file)!a} is not UTF-8; rename the file, or in Python give it another name: "
            "files={'NAME': PATH}."
        )
    return name


def _suffix(file: object, media_types: Sequence[str]) -> str:
    if _table_method(file):
        return _table_suffix(file, media_types)
    if hasattr(file, "read"):
        return ""
    return ".npy" if hasattr(file, "__array__") else ".bin"


def _unused(named: list[tuple[str, bytes]], name: str) -> str:
    taken = {each for each, _ in named}
    path, number = PurePath(name), 1
    while name in taken:
        number += 1
        name = f"{path.stem}-{number}{path.suffix}"
    return name


def _content(file: Any, name: str) -> bytes:
    if isinstance(file, (str, os.PathLike)):
        return _read_path(file)
    if isinstance(file, _BYTES):
        return bytes(file)
    if hasattr(file, "read"):
        return _read_open_file(file, name)
    suffix = PurePath(name).suffix.lower()
    if _table_method(file):
        return _table_bytes(file, suffix)
    if hasattr(file, "__array__"):
        return _array_bytes(file, suffix)
    if suffix == ".json" and isinstance(file, (list, dict, tuple, int, float)):
        return _json_bytes(file, name)
    raise _not_a_file(file)


def _read_path(file: str | os.PathLike[str]) -> bytes:
    try:
        path = Path(file)
        return (path.expanduser() if str(path).startswith("~/") else path).read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputRefused(f"{file!s} cannot be read ({reason}).") from error


def _read_open_file(file: Any, name: str) -> bytes:
    try:
        content = file.read()
    except (OSError, ValueError) as error:
        raise InputRefused(f"the open file {name} cannot be read ({error}).") from error
    if not isinstance(content, (str, *_BYTES)):
        raise InputRefused(f"the open file {name} returned {type(content).__name__}, neither bytes nor text.")
    return content.encode() if isinstance(content, str) else bytes(content)


def _table_method(file: object) -> str:
    """Return the method by which a table writes CSV; empty for anything else."""
    # A series has it too, and is an array.
    return next((name for name in _TABLE_METHODS if hasattr(file, name) and hasattr(file, "columns")), "")


def _table_suffix(table: Any, media_types: Sequence[str]) -> str:
    """Return the suffix of the format in which an app that takes these types reads a table; none take any type."""
    if not media_types or "text/csv" in media_types:
        return ".csv"
    if "application/x-npy" in media_types and table.to_numpy().dtype.kind in "fiub":
        return ".npy"
    return ".json" if "application/json" in media_types else ".csv"


def _table_bytes(table: Any, suffix: str) -> bytes:
    if suffix == ".npy":
        return _array_bytes(table.to_numpy(), suffix)
    pandas = hasattr(table, "to_csv")
    if suffix == ".json":
        written = table.to_json(orient="records") if pandas else table.write_json()
    elif suffix == ".tsv":
        written = table.to_csv(index=False, sep="\t") if pandas else table.write_csv(separator="\t")
    elif suffix in {".csv", ""}:
        written = table.to_csv(index=False) if pandas else table.write_csv()
    else:
        raise InputRefused(f"a table cannot be written as {suffix}; name it .csv, .tsv, .json or .npy.")
    return str(written).encode()


def _array_bytes(array: Any, suffix: str) -> bytes:
    if suffix not in {".npy", ".json", ""}:
        raise InputRefused(f"an array cannot be written as {suffix}; name it .npy or .json.")
    numpy = _numpy()
    if hasattr(array, "detach"):  # a tensor of PyTorch, which may need gradients or lie on another device
        array = array.detach().cpu()
    if suffix == ".json":
        return _json_bytes(numpy.asarray(array).tolist(), "the array")
    target = io.BytesIO()
    try:
        numpy.save(target, numpy.asarray(array), allow_pickle=False)
    except ValueError as error:
        raise InputRefused(
            "an array of Python objects cannot be sent, because reading it would run code; convert it to numbers, or "
            "to text with astype(str)."
        ) from error
    return target.getvalue()


def _numpy() -> Any:
    # Only a caller that has arrays needs NumPy, and has imported it.
    numpy = sys.modules.get("numpy")
    if numpy is None:
        raise InputRefused("this array needs NumPy, which is not imported; convert it with numpy.asarray first.")
    return numpy


def _json_bytes(value: object, name: str) -> bytes:
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputRefused(f"the content of {name} cannot be written as JSON ({error}).") from error


def _not_a_file(file: object) -> InputRefused:
    return InputRefused(
        f"{type(file).__name__} is not an input file; give a path, bytes, an open file, an array or a table, or a name "
        "and a content, as in files={'input.json': [[1, 2]]}."
    )
