"""An altered sealed file does not open, and no byte of an unverified chunk is written."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.container import SealedReader, open_sealed, seal_bytes
from sealgrid.crypto.container_header import MIN_CHUNK, TAG_BYTES
from sealgrid.errors import ContainerRefused
from tests.unit.crypto.container_scene import DEK, KEY_ID, PLAIN, SEALED, refusal, sealed_from

HEADER = len(SEALED) - len(PLAIN) - 3 * TAG_BYTES
STEP = MIN_CHUNK + TAG_BYTES


def chunks_of(sealed):
    return (
        sealed[:HEADER],
        sealed[HEADER : HEADER + STEP],
        sealed[HEADER + STEP : HEADER + 2 * STEP],
        sealed[HEADER + 2 * STEP :],
    )


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_no_flipped_byte_opens(mask):
    for place in range(len(SEALED)):
        altered = bytearray(SEALED)
        altered[place] ^= mask
        assert refusal(altered) in {"1", "2", "3", "4"}, place


def test_no_cut_opens():
    for length in range(len(SEALED)):
        assert refusal(SEALED[:length]) == ("1" if length < HEADER else "3"), length


@given(st.binary(min_size=1, max_size=300))
def test_trailing_bytes_are_refused(extra):
    assert refusal(SEALED + extra) == "3"


def test_chunks_in_another_order_are_refused():
    header, first, second, last = chunks_of(SEALED)
    assert refusal(header + second + first + last) == "4"


def test_a_chunk_that_stands_twice_is_refused():
    header, first, _, last = chunks_of(SEALED)
    assert refusal(header + first + first + last) == "4"


def test_a_chunk_of_another_file_under_the_same_key_is_refused():
    header, _, second, last = chunks_of(SEALED)
    _, foreign, _, _ = chunks_of(sealed_from(salt=2))
    assert refusal(header + foreign + second + last) == "4"


def test_a_chunk_of_a_file_with_even_the_same_salt_is_refused():
    # Same key, salt and size; only the metadata differs: the header's hash keeps the chunks apart.
    other = seal_bytes(
        PLAIN, dek=DEK, key_id=KEY_ID, metadata=b"M" * 5, chunk_size=MIN_CHUNK, random=lambda size: b"\1" * size
    )
    assert refusal(other[:HEADER] + SEALED[HEADER:]) == "4"


def test_a_file_cut_at_a_chunk_with_its_size_rewritten_is_refused():
    cut = bytearray(SEALED[: HEADER + 2 * STEP])
    cut[10:18] = struct.pack(">Q", 2 * MIN_CHUNK)
    assert refusal(cut) == "4"


def test_a_file_whose_chunk_size_was_rewritten_is_refused():
    altered = bytearray(SEALED)
    altered[6:10] = struct.pack(">I", MIN_CHUNK + 1)
    assert refusal(altered) == "4"


@given(st.binary(min_size=32, max_size=32).filter(lambda key: key != DEK))
def test_another_key_is_refused(key):
    assert refusal(SEALED, key) == "4"


def test_nothing_of_a_chunk_is_written_before_it_verifies():
    altered = bytearray(SEALED)
    altered[HEADER + STEP + 3] ^= 1
    target = io.BytesIO()
    with pytest.raises(ContainerRefused, match="chunk 1"):
        open_sealed(io.BytesIO(altered), target, DEK)
    assert target.getvalue() == PLAIN[:MIN_CHUNK]


def test_a_file_that_shrinks_while_it_is_read_is_refused():
    source = io.BytesIO(SEALED)
    reader = SealedReader(source, DEK)
    source.truncate(HEADER + STEP + 3)
    with pytest.raises(ContainerRefused):
        reader.read(MIN_CHUNK, 1)
