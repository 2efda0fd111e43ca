"""A sealed file that anyone touched does not open, and gives no byte that its chunk did not verify."""

import contextlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.container import SealedReader, open_bytes, open_sealed, read_header, seal_bytes
from sealgrid.crypto.container_header import MAX_CHUNK, MIN_CHUNK, TAG_BYTES
from sealgrid.errors import ContainerRefused

DEK = b"\x07" * 32
KEY_ID = b"model-key-000001"
PLAIN = b"a" * MIN_CHUNK + b"b" * MIN_CHUNK + b"tail"
METADATA = b"m" * 5


def sealed_from(plaintext=PLAIN, salt=1):
    return seal_bytes(
        plaintext,
        dek=DEK,
        key_id=KEY_ID,
        metadata=METADATA,
        chunk_size=MIN_CHUNK,
        random=lambda size: bytes([salt]) * size,
    )


SEALED = sealed_from()
HEADER = len(SEALED) - len(PLAIN) - 3 * TAG_BYTES
STEP = MIN_CHUNK + TAG_BYTES


def refusal(sealed, dek=DEK):
    with pytest.raises(ContainerRefused) as refused:
        open_bytes(bytes(sealed), dek)
    return refused.value.check


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


@given(st.sampled_from([b"", SEALED[:6], SEALED[:66]]), st.binary(max_size=200))
def test_whatever_the_header_reader_accepts_it_writes_again(start, rest):
    with contextlib.suppress(ContainerRefused):
        encoded = read_header(io.BytesIO(start + rest)).encoded
        assert (start + rest).startswith(encoded)
