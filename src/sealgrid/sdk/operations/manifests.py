"""Read an app's manifest before a purchase, and refuse an app that this network cannot run."""

import asyncio
import io
import zipfile
from typing import Final

from sealgrid.bundle.archive import BROKEN
from sealgrid.bundle.manifest import MANIFEST, Manifest
from sealgrid.bundle.verify import MAX_BYTES, check_interpreter, read_manifest, verify_bundle
from sealgrid.chain.assets import Assets
from sealgrid.crypto.digests import digest_of_cid, sha256
from sealgrid.errors import InputRefused
from sealgrid.sdk.connection import Connection
from sealgrid.storage.file_store import PIECE_BYTES
from sealgrid.storage.remote_files import RemoteFiles
from sealgrid.units import Address, Digest, to_digest

_LOCAL_HEADER: Final = 30  #: bytes of a local file header before its name (APPNOTE 4.3.7)


async def check_runnable(conn: Connection, app: Address) -> None:
    """Raise InterpreterMismatch unless the app is built for the Python that this network runs apps on.

    Called before every purchase: a worker would otherwise give the paid task back. Raises as ``manifest_of``.
    """
    check_interpreter(await manifest_of(conn, app), conn.network.python)  # (13)


async def manifest_of(conn: Connection, app: Address) -> Manifest:
    """Return an app's manifest, checked against the app's digest on the chain.

    Reads the bundle's directory and the manifest alone; the whole bundle only where it is not laid out as ours. Raises
    InputRefused for an app that names no bundle, NotFound when the storage lacks it, BundleRefused for a bundle that is
    not the app's.
    """
    assets = Assets(conn.hub)
    digest, place = await asyncio.gather(assets.checksum("App", app), assets.multiaddr("App", app))
    try:
        bundle = digest_of_cid(place.removeprefix("/ipfs/"))
    except InputRefused as error:
        raise InputRefused(f"the app {app} names no bundle ({place[:80]!r}); it cannot run on this network.") from error
    document = await _manifest_alone(conn.storage, bundle)
    if to_digest(sha256(document)) == digest:
        return read_manifest(document, digest)
    archive = await conn.storage.get_bytes(bundle, MAX_BYTES)
    return (await asyncio.to_thread(verify_bundle, archive, digest)).manifest


async def _manifest_alone(storage: RemoteFiles, bundle: Digest) -> bytes:
    """Return the bytes that ``pack`` would have put in the manifest's place, unverified; none where that is unknown."""
    size = await storage.size(bundle)
    length = min(size, PIECE_BYTES)
    piece = await storage.read(bundle, size - length, length)
    try:
        with zipfile.ZipFile(io.BytesIO(piece)) as archive:
            entry = archive.getinfo(MANIFEST)
    except BROKEN:
        return b""
    before = _LOCAL_HEADER + len(MANIFEST)
    start, wanted = entry.header_offset, before + entry.file_size  # start counts from the piece's: below 0 before it
    if start >= 0:
        return piece[start : start + wanted][before:]
    at = size - length + start
    return (await storage.read(bundle, at, wanted))[before:] if at >= 0 and wanted <= PIECE_BYTES else b""
