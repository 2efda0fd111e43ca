"""Which names of files are text."""

import os

import pytest

from sealgrid.sdk.file_names import is_utf8


@pytest.mark.parametrize(("raw", "expected"), [(b"a.png", True), ("größe".encode(), True), (b"\xff.png", False)])
def test_a_name_of_other_bytes_is_not_text(raw, expected):
    assert is_utf8(os.fsdecode(raw)) is expected
