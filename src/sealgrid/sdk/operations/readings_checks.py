"""Reads files of readings before a purchase with the code that ados runs in its enclave; refuses what it refuses."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sealgrid.bundle.manifest import Manifest
from sealgrid.errors import InputRefused
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.progress import Progress, ProgressStep

_CODE: Final = tuple(
    f"quality/{name}.py"
    for name in (
        "csv_reader",
        "errors",
        "file_reader",
        "graph",
        "grid",
        "json_reader",
        "keccak",
        "messages",
        "readings",
        "senml",
        "shard_file",
        "shards",
        "signatures",
        "signed_file",
    )
)


async def check_readings(manifest: Manifest, files: Sequence[tuple[str, bytes]], on_progress: Progress) -> None:
    """Raise InputRefused for a file of readings that the app would refuse after the payment.

    It applies to apps whose bundle reads files with the same code as this installation, by its digests, and where the
    libraries of the shipped apps are installed. Which sensors the model has is known only in the enclave.
    """
    if files and shipped_apps.holds_code(manifest, shipped_apps.ADOS, _CODE):
        on_progress(ProgressStep("checking that the app can read the readings"))
        for name, content in files:
            await asyncio.to_thread(check_file_of_readings, name, content)


def check_file_of_readings(name: str, content: bytes) -> None:
    """Raise InputRefused for a file that ados cannot read."""
    try:
        from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused  # noqa: PLC0415
        from sealgrid.shipped_apps.ados.quality.file_reader import read_file  # noqa: PLC0415
        from sealgrid.shipped_apps.ados.quality.shard_file import read_shard  # noqa: PLC0415
        from sealgrid.shipped_apps.ados.quality.signed_file import read_signed  # noqa: PLC0415
    except ImportError:  # an installation without the libraries of the shipped apps
        return
    try:
        if read_shard(content) is None:
            read_signed(content, read_file(content))
    except ReadingsRefused as refused:
        raise InputRefused(f"ados cannot read {name!r}: {refused}") from refused
