"""Child process that seals and opens a sparse file and prints its peak memory: ``… SIZE FOLDER``."""

import os
import re
import sys
from pathlib import Path

import msgspec

from sealgrid.crypto import container


class Peak(msgspec.Struct, frozen=True):
    """Bytes of resident memory."""

    before: int  #: everything is imported, nothing sealed
    after: int


def peak() -> int:
    """Return this process's high-water mark. Not ru_maxrss: that one is inherited from the parent over exec."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 if found else 0


def seal_and_open(size: int, folder: Path) -> None:
    """Seal a sparse file, open it again to nowhere, and check how much came out."""
    source, sealed, dek = folder / "sparse", folder / "sealed", os.urandom(32)
    with source.open("wb") as file:
        file.truncate(size)
    try:
        with source.open("rb") as plain, sealed.open("wb") as target:
            container.seal(plain, target, dek=dek, size=size, key_id=os.urandom(16))
        with sealed.open("rb") as again, Path(os.devnull).open("wb") as nowhere:
            if container.open_sealed(again, nowhere, dek).size != size:
                raise SystemExit("another size came out than went in")
    finally:
        source.unlink()
        sealed.unlink(missing_ok=True)


if __name__ == "__main__":
    begun = peak()
    seal_and_open(int(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write(msgspec.json.encode(Peak(begun, peak())).decode() + "\n")
