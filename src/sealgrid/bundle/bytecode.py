"""Compile a folder of Python files so that equal files give equal bytecode: run as a fresh, bare interpreter's script.

``python -I -S -B compiling.py FOLDER PREFIX``; standard library only. The bytecode names its sources PREFIX/path and is
never checked against them again (PEP 552, unchecked hash): the archive that holds both is pinned by one digest.
"""

import importlib.util
import marshal
import sys
import warnings
from pathlib import Path

BYTECODE = ".bytecode"  #: below the folder: laid out as an interpreter reads it below its pycache prefix
_UNCHECKED_HASH = 0b01
_PLAIN = 2  #: of marshal: later versions write which strings a process happens to share, so honest builders differ
_TESTS = {"test", "tests"}  #: packages' own; nobody's app imports them


def main(folder: Path, prefix: str) -> None:
    """Compile every .py file but tests; one that does not compile stays a source, as templates may."""
    warnings.simplefilter("ignore")  # of the packages' authors' code
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        if not _TESTS & set(name.parts):
            _compile(path, f"{prefix}/{name.as_posix()}", folder / BYTECODE / name.parent)


def _compile(source: Path, name: str, target: Path) -> None:
    content = source.read_bytes()
    try:
        code = compile(content, name, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError):
        return
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little") + importlib.util.source_hash(content)
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{source.stem}.{sys.implementation.cache_tag}.pyc").write_bytes(head + marshal.dumps(code, _PLAIN))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
