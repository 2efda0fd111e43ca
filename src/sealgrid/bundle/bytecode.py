"""Compile a folder of Python files reproducibly. Runs as a script of a fresh, isolated interpreter.

``python -I -S -B bytecode.py FOLDER PREFIX``; standard library only. The bytecode names its sources PREFIX/path and is
not checked against them at import (PEP 552, unchecked hash): the archive of both is pinned by one digest.
"""

import importlib.util
import marshal
import sys
import warnings
from pathlib import Path

BYTECODE = ".bytecode"  #: subfolder, laid out as below an interpreter's pycache prefix
_UNCHECKED_HASH = 0b01
_PLAIN = 2  #: marshal version; later versions record which strings a process shares, which differs between builds
_TESTS = {"test", "tests"}  #: test packages, which no app imports


def main(folder: Path, prefix: str) -> None:
    """Compile every .py file except tests; skip a file that does not compile, such as a template."""
    warnings.simplefilter("ignore")  # about the packages' code
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        if _TESTS & set(name.parts):
            continue
        content, target = path.read_bytes(), folder / BYTECODE / name.parent
        try:
            code = compile(content, f"{prefix}/{name.as_posix()}", "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError):
            continue
        head = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little") + importlib.util.source_hash(content)
        target.mkdir(parents=True, exist_ok=True)
        (target / f"{path.stem}.{sys.implementation.cache_tag}.pyc").write_bytes(head + marshal.dumps(code, _PLAIN))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
