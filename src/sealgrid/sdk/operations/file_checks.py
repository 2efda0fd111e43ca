"""Prepares a file for publishing as the shipped app that is to use it needs it: ONNX models and CSV tables."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.chain.assets import Assets
from sealgrid.errors import InputRefused, InterpreterMismatch, SetupMissing
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.sdk.operations.onnx_structure import read_structure
from sealgrid.sdk.operations.resolve import find_app, is_shipped
from sealgrid.sdk.resources.offers import AssetRef
from sealgrid.units import Digest


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A file that the app can read."""

    path: Path  #: to seal
    signature: ModelSignature | None = None  #: of a model
    notices: tuple[str, ...] = ()  #: sentences for the owner


@asynccontextmanager
async def prepare_file(conn: Connection, file: Path, app: AssetRef) -> AsyncIterator[PreparedFile]:
    """Yield a file as it is to be sealed, checked as the app's own code reads it if the app is a shipped one.

    The app is compared by name or digest; for any other app the file is yielded unchecked. The path is valid until the
    context ends. Raises InputRefused for a file that the app cannot read.
    """
    if is_shipped(app):
        name = str(app)
    else:
        digest = await Assets(conn.hub).checksum("App", await find_app(conn, app, own=True))
        name = await asyncio.to_thread(_shipped_name, digest, conn.network.python)
    prepare = _PREPARE.get(name)
    yield PreparedFile(file) if prepare is None else await asyncio.to_thread(prepare, file)


def prepare_onnx(file: Path) -> PreparedFile:
    """Return a model with its signature; raise InputRefused for any other file."""
    return PreparedFile(file, read_structure(file).signature)


def prepare_csv(file: Path) -> PreparedFile:
    """Return a table with the notes of ``check_csv``; raise InputRefused like it."""
    return PreparedFile(file, notices=check_csv(file))


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


_PREPARE: Final[Mapping[str, Callable[[Path], PreparedFile]]] = {
    shipped_apps.ONNX_RUNNER: prepare_onnx,
    shipped_apps.CSV_STATISTICS: prepare_csv,
}


def _shipped_name(code: Digest, python: str) -> str:
    for name in (name for name in _PREPARE if shipped_apps.app_folder(name) is not None):
        with suppress(InterpreterMismatch, SetupMissing):  # this machine cannot build it for the network's Python
            if shipped_bundle(name, python).app_digest == code:
                return name
    return ""
