"""Compile a folder of Python files so that equal files give equal bytecode: run as a fresh, bare interpreter's script.

``python -I -S -B compiling.py FOLDER PREFIX``; standard library only. The bytecode names its sources PREFIX/path and is
never checked against them again (PEP 552, unchecked hash): the archive that holds both is pinned by one digest.
"""

import py_compile
import sys
from pathlib import Path


def main(folder: Path, prefix: str) -> None:
    """Compile every .py file, in order; one that does not compile stays a source, as templates and tests may."""
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        place = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
        py_compile.compile(
            str(path), cfile=str(place), dfile=f"{prefix}/{name}", quiet=2, optimize=0,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
