"""Bytecode of an environment: the same from the same sources, without tests and without what does not compile."""

import importlib.util
import marshal
from pathlib import Path

from sealgrid.bundle.bytecode import BYTECODE, main

SOURCES = {
    "one/a.py": "value = 1\n",
    "one/template.py": "value = {{ name }} =\n",
    "one/tests/test_a.py": "value = 2\n",
    "one/data.txt": "no Python",
}


def compiled(folder: Path) -> dict[str, bytes]:
    for name, text in SOURCES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    main(folder, "/wheels")
    return {path.name: path.read_bytes() for path in (folder / BYTECODE).rglob("*") if path.is_file()}


def test_equal_sources_give_equal_bytes_that_name_the_prefix(tmp_path: Path) -> None:
    one, two = compiled(tmp_path / "x"), compiled(tmp_path / "y")
    assert one == two
    ((name, content),) = one.items()
    assert name.startswith("a.")
    assert content[:4] == importlib.util.MAGIC_NUMBER
    assert content[4:8] == b"\1\0\0\0"  # PEP 552: by hash, not checked
    assert marshal.loads(content[16:]).co_filename == "/wheels/one/a.py"
