"""Hold a file against what the app that it is sold to can read, as far as that app comes with Sealgrid."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from sealgrid.chain.assets import Assets
from sealgrid.errors import InterpreterMismatch, SetupMissing
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.sdk.operations.csv_file import check_csv
from sealgrid.sdk.operations.onnx_file import check_onnx
from sealgrid.sdk.operations.resolve import find_app, is_shipped
from sealgrid.sdk.resources.offers import Named
from sealgrid.units import Digest

_CHECKS: Final[Mapping[str, Callable[[Path], None]]] = {
    shipped_apps.ONNX_RUNNER: check_onnx,
    shipped_apps.CSV_STATISTICS: check_csv,
}


async def check_fits(conn: Connection, file: Path, app: Named) -> None:
    """Raise InputRefused when a shipped app, known by its name or by its code, could never read the file."""
    name = str(app) if is_shipped(app) else _named(await _code(conn, app), conn.network.python)
    if name in _CHECKS:
        await asyncio.to_thread(_CHECKS[name], file)


async def _code(conn: Connection, app: Named) -> Digest:
    return await Assets(conn.hub).checksum("App", await find_app(conn, app, own=True))


def _named(code: Digest, python: str) -> str:
    for name in (name for name in _CHECKS if shipped_apps.app_folder(name) is not None):
        with suppress(InterpreterMismatch, SetupMissing):  # this machine cannot build it for the network's Python
            if shipped_bundle(name, python).app_digest == code:
                return name
    return ""
