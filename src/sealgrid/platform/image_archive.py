"""A runtime image as one archive, for machines that join a network (docs/protocol/joining-machines.md)."""

import errno
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from sealgrid.errors import EvidenceRefused, ServiceUnavailable
from sealgrid.platform.image import MeasuredFile
from sealgrid.storage.atomic_file import atomic_writer

MAX_IMAGE_BYTES: Final = 1 << 30  #: of all files together
MAX_FILES: Final = 50_000
_PIECE: Final = 1 << 20
_DISK_ERRORS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES}  #: of this machine


def pack_image(folder: Path, files: Iterable[MeasuredFile], archive: Path) -> None:
    """Write the measured files of an image into a gzip-compressed tar archive; equal images give equal archives."""
    with (
        atomic_writer(archive) as target,
        gzip.GzipFile(fileobj=target, filename="", mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for file in sorted(files):
            member = tarfile.TarInfo(file.path)
            member.size, member.mode = file.size, 0o755 if file.executable else 0o644
            with (folder / file.path).open("rb") as content:
                tar.addfile(member, content)


def unpack_image(archive: Path, folder: Path) -> None:
    """Unpack an archive into a new folder.

    Raises EvidenceRefused for one that is damaged or leaves the folder, ServiceUnavailable if the disk is full. The
    archive is untrusted: the caller measures the files before anything of them runs.
    """
    folder.mkdir(parents=True)
    try:
        with gzip.open(archive) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            for member, content in _files(tar):
                path = folder / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as target:
                    while piece := content.read(_PIECE):
                        target.write(piece)
                path.chmod(0o755 if member.mode & 0o100 else 0o644)
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            raise ServiceUnavailable(
                f"the network's runtime cannot be stored in {folder} ({error.strerror}); free space there."
            ) from error
        raise EvidenceRefused("runtime", f"the archive of the network's runtime is damaged ({error}).") from error


def _files(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, io.BufferedIOBase]]:
    size = count = 0
    for member in tar:
        parts = member.name.split("/")
        content = tar.extractfile(member) if member.isreg() else None
        if content is None or member.name.startswith("/") or not {"", ".", ".."}.isdisjoint(parts):
            raise ValueError(f"it holds {member.name[:80]!r}, which is not a file inside the image")
        size, count = size + member.size, count + 1
        if size > MAX_IMAGE_BYTES or count > MAX_FILES:
            raise ValueError("it is larger than any image")
        yield member, content  # type: ignore[misc]
