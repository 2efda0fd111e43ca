"""Fetches the runtime image of a network, and uses it only if it is the one that the network file pins."""

import shutil
from collections.abc import Callable
from pathlib import Path

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.errors import EvidenceRefused
from sealgrid.platform.image import measure, mrtd
from sealgrid.platform.image_archive import MAX_IMAGE_BYTES, unpack_image
from sealgrid.units import Digest
from sealgrid.wire.authority import PIECE_BYTES, AuthorityClient


async def fetch_runtime(
    authority: AuthorityClient, runtimes: tuple[Digest, ...], folder: Path, on_progress: Callable[[str], None]
) -> Path:
    """Return the folder with the files of one of the network's runtimes; fetch them if they are not there.

    Raises EvidenceRefused for files of any other runtime.
    """
    image = folder / "image"
    if image.exists() and _identity(image) in runtimes:
        return image
    offered = await authority.runtime()
    if offered.runtime not in runtimes or not 0 < offered.size <= MAX_IMAGE_BYTES:
        raise EvidenceRefused(
            "runtime",
            f"the authority offers runtime {offered.runtime}, which the network file does not list; join the "
            "network again "
            "with its present network file.",
        )
    archive, unpacked = folder / "runtime.part", folder / "image.part"
    shutil.rmtree(unpacked, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open("wb") as file:
            for offset in range(0, offered.size, PIECE_BYTES):
                on_progress(f"fetching the network's runtime: {offset >> 20} of {offered.size >> 20} MB")
                file.write(await authority.read_runtime(offset, min(PIECE_BYTES, offered.size - offset)))
        unpack_image(archive, unpacked)
        if (found := _identity(unpacked)) not in runtimes:
            raise EvidenceRefused(
                "runtime", f"the fetched runtime has the identity {found}, which is not the network's."
            )
        shutil.rmtree(image, ignore_errors=True)
        unpacked.rename(image)
    finally:
        archive.unlink(missing_ok=True)
        shutil.rmtree(unpacked, ignore_errors=True)
    return image


def _identity(image: Path) -> Digest:
    return runtime_identity(Platform.SIMULATED, [mrtd(measure(image))])
