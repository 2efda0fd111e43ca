"""The shared libraries that the runtime's native files load, so that an enclave uses measured copies of them alone."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from sealgrid.errors import SetupMissing

#: wheels may count on these of the system (PEP 600)
_PROMISED = (
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "libutil.so.1",
    "libresolv.so.2",
    "libz.so.1",
    "libexpat.so.1",
)
_LOADER = "ld-linux"


def libraries_of(files: Sequence[Path]) -> dict[str, Path]:
    """Return name -> file of every library that some of the files load, of the loader, and of what wheels count on."""
    found = _parse(_ldd(files))
    home = found["libc.so.6"].parent
    promised = [home / name for name in _PROMISED if (home / name).exists()]
    return found | {path.name: path for path in promised} | _parse(_ldd(promised))


def loader(names: Iterable[str]) -> str:
    """Return the name of the dynamic loader among libraries."""
    return next(name for name in names if name.startswith(_LOADER))


def _ldd(files: Sequence[Path]) -> str:
    program = shutil.which("ldd")
    if program is None:
        raise SetupMissing("ldd is not installed; Debian's package libc-bin brings it.")
    # It ends with 1 when one of many files is static; its output is still whole.
    command = [program, *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  our own files


def _parse(listing: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for line in listing.splitlines():
        words = line.split()
        if "=>" in words and len(words) > 2 and words[2].startswith("/"):
            found[words[0]] = Path(words[2])
        elif words and words[0].startswith("/") and _LOADER in words[0] and not words[0].endswith(":"):
            found[Path(words[0]).name] = Path(words[0])
    return found
