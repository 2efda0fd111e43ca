"""Settings files of services, in TOML."""

import codecs
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sealgrid.errors import InputRefused
from sealgrid.wire.settings_file import read_settings, require_new, toml


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    folder: Path
    port: int = 8566


def read(path: Path, content: bytes) -> Settings:
    path.write_bytes(content)
    return read_settings(path, Settings, "a test service")


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_settings_are_read_with_and_without_a_byte_order_mark(tmp_path, mark):
    assert read(tmp_path / "a.toml", mark + b'folder = "data"\nport = 1') == Settings(folder=Path("data"), port=1)


@pytest.mark.parametrize(
    "content", [b"", b"folder = ", b'folder = "a"\nprot = 1', b'folder = "a"\nport = "1"', b'folder = "\xff"']
)
def test_a_file_that_does_not_describe_the_service_is_refused_by_name(tmp_path, content):
    with pytest.raises(InputRefused, match=r"a\.toml does not describe a test service"):
        read(tmp_path / "a.toml", content)


def test_a_missing_file_is_refused_with_the_reason(tmp_path):
    with pytest.raises(InputRefused, match=r"no\.toml cannot be read \(No such file"):
        read_settings(tmp_path / "no.toml", Settings, "a test service")


def test_an_edited_file_is_not_replaced(tmp_path):
    require_new(tmp_path / "new.toml")
    (tmp_path / "old.toml").touch()
    with pytest.raises(InputRefused, match="edit it, or name another file"):
        require_new(tmp_path / "old.toml")


@settings(max_examples=30)
@example("\x7f")
@given(st.one_of(st.text(), st.integers(-(2**63), 2**63 - 1), st.booleans(), st.lists(st.text())))
def test_a_value_is_read_as_it_was_written(value):
    assert msgspec.toml.decode(f"value = {toml(value)}") == {"value": value}


def test_a_path_is_written_as_text():
    assert toml(Path("a b/c")) == '"a b/c"'
