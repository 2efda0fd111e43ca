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


async def runnable_manifest(conn: Connection, app: Address) -> Manifest:
    """Return an app's manifest; raise InterpreterMismatch unless it is built for the network's Python.

    Called before every purchase, because workers reject such a task only after the deal. Raises like ``manifest_of``.
    """
    manifest = await manifest_of(conn, app)
    check_interpreter(manifest, conn.network.python)  # (13)
    return manifest


async def manifest_of(conn: Connection, app: Address) -> Manifest:
    """Return an app's manifest, verified against the app's digest on the chain.

    Reads only the bundle's directory and the manifest, or the whole bundle if its layout is not that of ``pack``.
    Raises InputRefused for an app without a bundle, NotFound when the storage lacks it, BundleRefused for a bundle that
    does not match the digest.
    """
    bundle, digest = await _bundle_of(conn, app)
    document = await _member_alone(conn.storage, bundle, MANIFEST)
    if to_digest(sha256(document)) == digest:
        return read_manifest(document, digest)
    archive = await conn.storage.get_bytes(bundle, MAX_BYTES)
    return (await asyncio.to_thread(verify_bundle, archive, digest)).manifest


async def app_file(conn: Connection, app: Address, path: str, limit: int) -> bytes:
    """Return one file of an app, verified by its manifest; empty without it, and for more than ``limit`` bytes.

    Raises like ``manifest_of``.
    """
    entry = next((each for each in (await manifest_of(conn, app)).files if each.path == path), None)
    if entry is None or entry.size > min(limit, PIECE_BYTES):
        return b""
    bundle, digest = await _bundle_of(conn, app)
    content = await _member_alone(conn.storage, bundle, path)
    if to_digest(sha256(content)) == entry.sha256:
        return content
    archive = await conn.storage.get_bytes(bundle, MAX_BYTES)
    return (await asyncio.to_thread(verify_bundle, archive, digest)).files[path]


async def _bundle_of(conn: Connection, app: Address) -> tuple[Digest, Digest]:
    """Return the digests of an app's bundle and of its manifest, from the chain."""
    assets = Assets(conn.hub)
    digest, multiaddr = await asyncio.gather(assets.checksum("App", app), assets.multiaddr("App", app))
    try:
        return digest_of_cid(multiaddr.removeprefix("/ipfs/")), digest
    except InputRefused as error:
        raise InputRefused(
            f"the app {app} names no bundle ({multiaddr[:80]!r}); it cannot run on this network."
        ) from error


async def _member_alone(storage: RemoteFiles, bundle: Digest, name: str) -> bytes:
    """Return the bytes where ``pack`` stores a file, unverified; none if the layout is another."""
    size = await storage.size(bundle)
    length = min(size, PIECE_BYTES)
    piece = await storage.read(bundle, size - length, length)
    try:
        with zipfile.ZipFile(io.BytesIO(piece)) as archive:
            entry = archive.getinfo(name)
    except BROKEN:
        return b""
    before = _LOCAL_HEADER + len(name.encode())
    start, length_needed = entry.header_offset, before + entry.file_size  # relative to the piece; may be negative
    if start >= 0:
        return piece[start : start + length_needed][before:]
    at = size - length + start
    return (await storage.read(bundle, at, length_needed))[before:] if at >= 0 and length_needed <= PIECE_BYTES else b""
