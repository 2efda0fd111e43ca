"""The key file of a pool."""

from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.pool.config import read_key
from tests.unit.pool.pool_scene import WORKER


@pytest.mark.parametrize("content", [b"\x01" * 32, b"0x" + b"01" * 32 + b"\n", b"01" * 32])
def test_a_key_file_is_read_as_bytes_or_hex(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_bytes(content)
    assert read_key(file).address == WORKER.address


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\x01" * 32)
    file.chmod(0o640)
    with pytest.raises(InputRefused, match="mode 600"):
        read_key(file)


@pytest.mark.parametrize("content", [b"", b"no key at all", b"\x00" * 32, b"\xff" * 40])
def test_what_is_no_key_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(InputRefused) as refused:
        read_key(file)
    assert refused.value.__cause__ is None
    assert "no key at all" not in str(refused.value)
