"""Check an app as a stranger can: its bundle against its digest, its environment against its wheels."""

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
    """What a check of an app came to."""

    digest: Digest
    files: int
    environment: str  #: a sentence about it


async def rebuild(conn: Connection, location: str, digest: Digest) -> RebuildResult:
    """Fetch and check an app; raise BundleRefused when bundle or environment are not what its digest names."""
    archive = await conn.storage.get_bytes(digest_of_cid(location.removeprefix("/ipfs/")), MAX_BYTES)
    manifest = (await asyncio.to_thread(verify_bundle, archive, digest)).manifest
    said = await asyncio.to_thread(_environment, manifest)
    return RebuildResult(digest, len(manifest.files), said)


def _environment(manifest: Manifest) -> str:
    pinned = manifest.environment
    if pinned is None:
        return "it pins no environment: every enclave unpacks its wheels itself"
    try:
        here = compiler_for(manifest.python).version
    except SetupMissing:
        return f"its environment was compiled by Python {pinned.python}, and no Python {manifest.python} is here"
    if pinned.python != here:
        return f"its environment was compiled by Python {pinned.python}; this one is {here} and cannot build it again"
    folder = wheel_folder()
    if folder is None:
        raise SetupMissing("there is no folder of wheels here; run `make setup` in the checkout.", money="")
    built, _ = environment_of(manifest.wheels, folder, manifest.python)
    if built != pinned:
        raise BundleRefused("11", f"its environment is not what its wheels make: {built.sha256}, not {pinned.sha256}.")
    return f"its environment was built again from {len(manifest.wheels)} wheels, byte for byte: {built.sha256}"
