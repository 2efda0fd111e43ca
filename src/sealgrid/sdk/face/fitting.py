"""Hold a file against what the app that it is sold to can read, as far as that app comes with Sealgrid."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sealgrid.chain.assets import Assets
from sealgrid.sdk import shipped
from sealgrid.sdk.building import shipped_bundle
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.csv_file import check_csv
from sealgrid.sdk.face.listings import Named
from sealgrid.sdk.face.naming import find_app, is_shipped
from sealgrid.sdk.onnx_file import check_onnx
from sealgrid.units import Digest

_CHECKS: Final[Mapping[str, Callable[[Path], None]]] = {
    shipped.ONNX_RUNNER: check_onnx,
    shipped.CSV_STATISTICS: check_csv,
}


async def check_fits(conn: Connection, file: Path, app: Named) -> None:
    """Raise InputRefused when a shipped app, known by its name or by its code, could never read the file."""
    name = str(app) if is_shipped(app) else _named(await _code(conn, app))
    if name in _CHECKS:
        await asyncio.to_thread(_CHECKS[name], file)


async def _code(conn: Connection, app: Named) -> Digest:
    return await Assets(conn.hub).checksum("App", await find_app(conn, app, own=True))


def _named(code: Digest) -> str:
    here = [name for name in _CHECKS if shipped.app_folder(name) is not None]
    return next((name for name in here if shipped_bundle(name).app_digest == code), "")
