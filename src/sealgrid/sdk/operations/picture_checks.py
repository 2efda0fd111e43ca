"""Opens pictures before a purchase with the code that the app runs in its enclave, and refuses what the app refuses."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sealgrid.bundle.manifest import Manifest
from sealgrid.errors import InputRefused
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.progress import Progress, ProgressStep

_APP: Final = "plate-reader"
_CODE: Final = "reader/picture.py"


async def check_pictures(manifest: Manifest, files: Sequence[tuple[str, bytes]], on_progress: Progress) -> None:
    """Raise InputRefused for a picture that the app would refuse after the payment.

    It applies to apps whose bundle holds the same ``reader/picture.py`` as this installation, by its digest, and where
    the libraries of the shipped apps are installed.
    """
    if files and shipped_apps.holds_code(manifest, _APP, [_CODE]):
        on_progress(ProgressStep("checking that the app can read the picture"))
        for name, content in files:
            await asyncio.to_thread(check_picture, name, content)


def check_picture(name: str, content: bytes) -> None:
    """Raise InputRefused for a file that plate-reader cannot open as a picture."""
    try:
        from sealgrid.shipped_apps.plate_reader.reader.picture import NoPicture, open_picture  # noqa: PLC0415
    except ImportError:  # an installation without the libraries of the shipped apps
        return
    try:
        open_picture(content)
    except NoPicture as refused:
        raise InputRefused(f"plate-reader cannot read {name!r}: {refused}") from refused
    except ImportError:
        return
