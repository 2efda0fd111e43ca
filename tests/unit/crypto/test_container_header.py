"""A header that was rewritten is refused by the number of a check."""

import contextlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.container import read_header
from sealgrid.crypto.container_header import MAX_CHUNK, MIN_CHUNK
from sealgrid.errors import ContainerRefused
from tests.unit.crypto.container_scene import SEALED, refusal


@pytest.mark.parametrize(
    ("place", "value", "check"),
    [
        (0, b"SGC2", "1"),
        (4, b"\x02", "1"),
        (5, b"\x00", "1"),
        (6, struct.pack(">I", 0), "2"),
        (6, struct.pack(">I", MIN_CHUNK - 1), "2"),
        (6, struct.pack(">I", MAX_CHUNK + 1), "2"),
        (10, struct.pack(">Q", 2**64 - 1), "3"),
        (10, struct.pack(">Q", 0), "3"),
        (18, bytes(32), "4"),
        (50, bytes(16), "4"),
        (66, struct.pack(">I", 64 * 1024 + 1), "2"),
        (66, struct.pack(">I", 64 * 1024), "1"),
        (66, struct.pack(">I", 0), "3"),
        (70, b"M", "4"),
    ],
    ids=[
        "magic",
        "version",
        "algorithm",
        "no-chunk",
        "small-chunk",
        "huge-chunk",
        "huge-size",
        "no-size",
        "salt",
        "key-id",
        "huge-metadata",
        "metadata-beyond-the-end",
        "no-metadata",
        "metadata",
    ],
)
def test_a_rewritten_header_is_refused_by_its_number(place, value, check):
    altered = bytearray(SEALED)
    altered[place : place + len(value)] = value
    assert refusal(altered) == check


@given(st.sampled_from([b"", SEALED[:6], SEALED[:66]]), st.binary(max_size=200))
def test_whatever_the_header_reader_accepts_it_writes_again(start, rest):
    with contextlib.suppress(ContainerRefused):
        encoded = read_header(io.BytesIO(start + rest)).encoded
        assert (start + rest).startswith(encoded)
