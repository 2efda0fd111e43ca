"""Check before publishing that the shipped app which is to use a file can read it: ONNX models and CSV tables.

An ONNX file is one ``ModelProto`` (onnx.proto): ir_version is field 1, the graph field 7.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from sealgrid.chain.assets import Assets
from sealgrid.errors import InputRefused, InterpreterMismatch, SetupMissing
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.sdk.operations.resolve import find_app, is_shipped
from sealgrid.sdk.resources.offers import AssetRef
from sealgrid.units import Digest

IR_VERSION, GRAPH = 1, 7
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_MISTAKEN: Final = (
    (0, b"PK\x03\x04", "a zip archive (PyTorch and Keras save such); export the model to ONNX"),
    (0, b"\x80", "a Python pickle; export the model to ONNX"),
    (0, b"\x89HDF", "an HDF5 file; export the model to ONNX"),
    (0, b"GGUF", "a GGUF file; onnx-runner runs ONNX only"),
    (4, b"TFL3", "a TensorFlow Lite file; convert it to ONNX"),
    (8, b"{", "a safetensors file; export the model to ONNX"),
)


def check_onnx(path: Path) -> tuple[str, ...]:
    """Raise InputRefused unless the outermost fields of a file are those of one ONNX model; return no notes.

    (1) It is not empty. (2) It is not another well-known kind of file. (3) It is protobuf from its first to its last
    byte. (4) It has an IR version and a graph, as every ModelProto has.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        # (1)
        if size == 0:
            raise InputRefused(f"{path.name} is empty, not an ONNX model.")
        # (2)
        start = file.read(16)
        for offset, magic, what in _MISTAKEN:
            if start[offset:].startswith(magic):
                raise InputRefused(f"{path.name} is not an ONNX model but {what}.")
        # (3)
        file.seek(0)
        try:
            found = _fields(file, size)
        except ValueError as error:
            raise InputRefused(f"{path.name} is not an ONNX model ({error}); export the model to ONNX.") from error
    # (4)
    if not {(IR_VERSION, VARINT), (GRAPH, BYTES)} <= found:
        raise InputRefused(f"{path.name} is not an ONNX model (it has no IR version or no graph).")
    return ()


def _fields(file: BinaryIO, size: int) -> set[tuple[int, int]]:
    """Return (number, wire type) of every outermost field; the contents are skipped, never read."""
    found = set()
    while file.tell() < size:
        tag = _varint(file)
        number, kind = tag >> 3, tag & 7
        if number == 0 or kind not in (VARINT, FIXED64, BYTES, FIXED32):
            raise ValueError("it is not protobuf")
        if kind == VARINT:
            _varint(file)
        else:
            length = _varint(file) if kind == BYTES else 8 if kind == FIXED64 else 4
            if file.tell() + length > size:
                raise ValueError("it is not protobuf, or it is cut short")
            file.seek(length, os.SEEK_CUR)
        found.add((number, kind))
    return found


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("it is not protobuf, or it is cut short")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("it is not protobuf")


def check_csv(path: Path) -> tuple[str, ...]:
    """Read a table with the code of csv-statistics; return notes on cells that it leaves out or reads otherwise.

    The notes have counts and examples of cells: they are for the table's owner. Raises InputRefused for a file that the
    app would refuse.
    """
    from sealgrid.shipped_apps.csv_statistics.columns.errors import TableRefused  # noqa: PLC0415  only where the shipped apps are
    from sealgrid.shipped_apps.csv_statistics.columns.table import read_table  # noqa: PLC0415

    try:
        return read_table(path).owner_notes()
    except TableRefused as refused:
        raise InputRefused(f"{path.name} cannot be sold as a table: {refused}") from refused
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).") from error


_CHECKS: Final[Mapping[str, Callable[[Path], tuple[str, ...]]]] = {
    shipped_apps.ONNX_RUNNER: check_onnx,
    shipped_apps.CSV_STATISTICS: check_csv,
}


async def check_readable(conn: Connection, file: Path, app: AssetRef) -> tuple[str, ...]:
    """Return notes for the owner on a file that a shipped app, by name or digest, is to read; none for other apps.

    Raises InputRefused if the app cannot read the file.
    """
    if is_shipped(app):
        name = str(app)
    else:
        digest = await Assets(conn.hub).checksum("App", await find_app(conn, app, own=True))
        name = _shipped_name(digest, conn.network.python)
    return await asyncio.to_thread(_CHECKS[name], file) if name in _CHECKS else ()


def _shipped_name(code: Digest, python: str) -> str:
    for name in (name for name in _CHECKS if shipped_apps.app_folder(name) is not None):
        with suppress(InterpreterMismatch, SetupMissing):  # this machine cannot build it for the network's Python
            if shipped_bundle(name, python).app_digest == code:
                return name
    return ""
