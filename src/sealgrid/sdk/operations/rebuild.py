"""Verify an app independently: its bundle against its digest, its environment against its wheels."""

import asyncio
from dataclasses import dataclass

from sealgrid.bundle.manifest import Manifest
from sealgrid.bundle.verify import MAX_BYTES, verify_bundle
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import BundleRefused, SetupMissing
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.environments import compiler_for, environment_of
from sealgrid.sdk.shipped_apps import wheel_folder
from sealgrid.units import Digest


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """The outcome of a verification."""

    digest: Digest
    files: int
    environment: str  #: a sentence about it


async def rebuild(conn: Connection, location: str, digest: Digest) -> RebuildResult:
    """Fetch and verify an app; raise BundleRefused when bundle or environment does not match its digest."""
    archive = await conn.storage.get_bytes(digest_of_cid(location.removeprefix("/ipfs/")), MAX_BYTES)
    manifest = (await asyncio.to_thread(verify_bundle, archive, digest)).manifest
    sentence = await asyncio.to_thread(_environment, manifest)
    return RebuildResult(digest, len(manifest.files), sentence)


def _environment(manifest: Manifest) -> str:
    pinned = manifest.environment
    if pinned is None:
        return "it pins no environment: every enclave unpacks its wheels itself"
    try:
        here = compiler_for(manifest.python).version
    except SetupMissing:
        return (
            f"its environment was compiled by Python {pinned.python}, and this machine has no Python {manifest.python}"
        )
    if pinned.python != here:
        return f"its environment was compiled by Python {pinned.python}; this one is {here} and cannot rebuild it"
    folder = wheel_folder()
    if folder is None:
        raise SetupMissing(
            "this machine has no folder of wheels; run `make setup` in a checkout, else `sealgrid setup`.", money=""
        )
    built, _ = environment_of(manifest.wheels, folder, manifest.python)
    if built != pinned:
        raise BundleRefused(
            "11", f"its environment differs from a build of its wheels: {built.sha256}, not {pinned.sha256}."
        )
    return f"its environment was rebuilt from {len(manifest.wheels)} wheels, byte for byte: {built.sha256}"
